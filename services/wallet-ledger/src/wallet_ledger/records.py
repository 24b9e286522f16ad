"""Wallets, payments and reversals as rows of their views, and back: pure."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

import asyncpg

from events.envelope import timestamp
from wallet_ledger.domain import Allocation, Part, Payment, Reversal, Wallet

PAYMENT_COLUMNS = ("wallet_id", "payment_id", "order_id", "state", "expires_at", "held", "paid")
REVERSAL_COLUMNS = ("wallet_id", "reversal_id", "event_id", "state", "requested_by", "reason")


Row: TypeAlias = "Mapping[str, Any] | asyncpg.Record"


def buckets_row(wallet: Wallet) -> tuple[list[str], list[int]]:
    """Return the issuers of all buckets, in the order of their ids, and the rupiah of each."""
    buckets = sorted(wallet.buckets.items())
    return [issuer for issuer, _ in buckets], [balance for _, balance in buckets]


def payment_row(wallet_id: str, payment: Payment) -> dict[str, str]:
    """Return a line of view.payment without its partition."""
    values = (
        wallet_id,
        payment.payment_id,
        payment.order_id,
        payment.state,
        timestamp(payment.expires_at),
        _packed(payment.held),
        _packed(payment.paid),
    )
    return dict(zip(PAYMENT_COLUMNS, values, strict=True))


def payment_of(row: Row) -> Payment:
    """Return the payment of a line of view.payment, `expires_at` a moment or its RFC 3339 text."""
    until = row["expires_at"]
    return Payment(
        row["payment_id"],
        row["order_id"],
        row["state"],
        datetime.fromisoformat(until) if isinstance(until, str) else until,
        _unpacked(row["held"]),
        _unpacked(row["paid"]),
    )


def reversal_row(wallet_id: str, reversal: Reversal) -> dict[str, str]:
    """Return a line of view.reversal without its partition."""
    values = (
        wallet_id,
        reversal.reversal_id,
        reversal.event_id,
        reversal.state,
        reversal.requested_by,
        reversal.reason,
    )
    return dict(zip(REVERSAL_COLUMNS, values, strict=True))


def reversal_of(row: Row) -> Reversal:
    """Return the reversal of a line of view.reversal."""
    ids = (row["reversal_id"], row["event_id"])
    return Reversal(*ids, row["state"], row["requested_by"], row["reason"])


def _packed(parts: Iterable[Part]) -> str:
    content = [[p.store_id, [[a.issuer, a.amount] for a in p.allocations]] for p in parts]
    return json.dumps(content, separators=(",", ":"))


def _unpacked(text: str) -> tuple[Part, ...]:
    return tuple(
        Part(
            store_id,
            sum(amount for _, amount in allocations),
            tuple(Allocation(issuer, amount) for issuer, amount in allocations),
        )
        for store_id, allocations in json.loads(text)
    )

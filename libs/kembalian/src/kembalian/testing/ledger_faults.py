"""Faults of the ledger's rules: each replaces one of them, and the reference must find it."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from kembalian.testing.ledger_match import MOST
from wallet_ledger import domain
from wallet_ledger.domain import Allocation, Wallet
from wallet_ledger.domain.wallet import credits_of
from wallet_ledger.group import Named

Rule = Callable[..., Any]
Parts = Sequence[tuple[str, int]]


def smallest_first(_: Rule) -> Rule:
    def allocate(free: dict[str, int], parts: Parts) -> Any:
        ((store, amount),) = parts
        order = sorted(free, key=lambda issuer: (issuer != store, free[issuer], issuer))
        coins = [issuer for issuer in order for _ in range(free[issuer])]
        if amount > len(coins):
            raise domain.InsufficientFunds(len(coins), amount)
        spent = coins[:amount]
        return (tuple(Allocation(i, spent.count(i)) for i in dict.fromkeys(spent)),)

    return allocate


def own_bucket_last(rule: Rule) -> Rule:
    def allocate(free: dict[str, int], parts: Parts) -> Any:
        return rule(free, [("nobody", amount) for _, amount in parts])

    return allocate


def held_money_can_be_spent(_: Rule) -> Rule:
    def free(wallet: Wallet) -> Any:
        return wallet.buckets

    return free


def refunds_walk_forwards(rule: Rule) -> Rule:
    def first(allocations: Iterable[Allocation], amount: int) -> Any:
        walked = list(allocations)
        backwards = not isinstance(allocations, tuple)
        return rule(walked[::-1] if backwards else walked, amount)

    return first


def a_refund_is_forgotten(rule: Rule) -> Rule:
    def evolve(before: Wallet, event: domain.PaymentEvent) -> Wallet:
        after: Wallet = rule(before, event)
        refunded = isinstance(event, domain.PaymentRefunded)
        return replace(after, payments=before.payments) if refunded else after

    return evolve


def a_hold_is_confirmed_when_its_time_is_over(rule: Rule) -> Rule:
    def decide(before: Wallet, command: domain.PaymentCommand, now: datetime) -> Any:
        late = isinstance(command, domain.ConfirmHold)
        return rule(before, command, now - timedelta(seconds=1) if late else now)

    return decide


def a_hold_ends_twice(_: Rule) -> Rule:
    def held(wallet: Wallet, payment_id: str) -> domain.Payment:
        if payment_id not in wallet.payments:
            raise domain.UnknownPayment(payment_id)
        return wallet.payments[payment_id]

    return held


def the_rest_stays_held(rule: Rule) -> Rule:
    def decide_confirmation(*args: Any) -> Any:
        return rule(*args)[:1]

    return decide_confirmation


def whoever_asks_approves(rule: Rule) -> Rule:
    def decide(before: Wallet, command: domain.ReversalCommand) -> Any:
        try:
            return rule(before, command)
        except domain.OwnRequest:
            assert isinstance(command, domain.ApproveReversal)
            return rule(before, replace(command, approved_by="somebody else"))

    return decide


def nothing(_: Rule) -> Rule:
    def check(*_: Any) -> None:
        return None

    return check


def the_wrong_way(_: Rule) -> Rule:
    return credits_of


def turned_postings(rule: Rule) -> Rule:
    def entries(wallet_id: str, moves: Iterable[tuple[str, int]], account: str) -> Any:
        return rule(wallet_id, [(issuer, -amount) for issuer, amount in moves], account)

    return entries


def holds_forgotten(_: Rule) -> Rule:
    def settled(wallet: Wallet) -> Wallet:
        return Wallet(wallet.buckets, wallet.version)

    return settled


def nothing_named(_: Rule) -> Rule:
    def named_by(*_: Any) -> Named:
        return Named()

    return named_by


def paid_is_lost(rule: Rule) -> Rule:
    def payment_of(row: Any) -> domain.Payment:
        return replace(rule(row), paid=())

    return payment_of


def turned_round(rule: Rule) -> Rule:
    def own(allocations: Any) -> Any:
        return rule(allocations)[::-1]

    return own


def instead(value: object) -> Callable[[Any], Any]:
    def fault(_: Any) -> Any:
        return value

    return fault


FAULTS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "the smallest bucket comes first": ("domain.till.allocate", smallest_first),
    "the own bucket comes last": ("domain.till.allocate", own_bucket_last),
    "held money can be spent": ("domain.Wallet.free", held_money_can_be_spent),
    "refunds walk forwards": ("domain.refunds.first", refunds_walk_forwards),
    "a refund is forgotten": ("domain.payments.evolve", a_refund_is_forgotten),
    "a hold is confirmed when its time is over": (
        "domain.payments.decide",
        a_hold_is_confirmed_when_its_time_is_over,
    ),
    "a hold ends twice": ("domain.holds._held", a_hold_ends_twice),
    "the rest stays held": ("domain.holds._decide_confirmation", the_rest_stays_held),
    "whoever asks approves": ("domain.reversals.decide", whoever_asks_approves),
    "what is spent is reversed": ("domain.reversals._check_possible", nothing),
    "a reversal goes the wrong way": ("domain.reversals.debits_of", the_wrong_way),
    "postings are turned": ("domain.payments.entries", turned_postings),
    "the bound is off by one": ("domain.wallet.BALANCE_MAX", instead(MOST + 1)),
    "a refund knows no bound": ("domain.refunds.check_bounds", nothing),
    "a writer forgets holds": ("group.settled", holds_forgotten),
    "records are not loaded": ("group.named_by", nothing_named),
    "a repeat is done again": ("group.KEPT", instead(frozenset({409}))),
    "a refusal is not kept": ("group.KEPT", instead(frozenset({201}))),
    "an early expiry is kept": ("group.KEPT", instead(frozenset({201, 404, 409, 503}))),
    "a row loses what was paid": ("records.payment_of", paid_is_lost),
    "the log turns allocations round": ("publish._own", turned_round),
}
"""What it is -> (which name of wallet_ledger, what becomes of it)."""

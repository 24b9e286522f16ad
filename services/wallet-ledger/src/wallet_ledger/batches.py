"""A batch of entries: looked up together, committed in one group a partition, or all or none."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from os import urandom
from typing import Any

import httpx
import msgspec
from starlette.requests import Request

from events.envelope import Cause
from events.log import partition_of
from wallet_ledger import models, plain_batch
from wallet_ledger.answers import Answer, problem
from wallet_ledger.atomic import write_all_or_none
from wallet_ledger.directory import Directory
from wallet_ledger.domain import Till
from wallet_ledger.group import Order
from wallet_ledger.handlers import Ledger
from wallet_ledger.lane import Lane
from wallet_ledger.passing import FORWARDED
from wallet_ledger.till_commands import Limits, asked_of
from web.idempotency import fingerprint_plain
from web.problems import Problem
from web.tokens import Principal

Entries = Sequence[models.BatchEntry] | Sequence[plain_batch.PlainEntry]
PATH = "/api/v1/ledger/batch"


@dataclass(frozen=True, slots=True)
class Batches:
    """Serves whole batches on the lanes of this process, and on those of others."""

    ledger: Ledger
    directory: Directory
    limits: Limits

    async def each(self, request: Request, channel: Principal, entries: Entries) -> bytes:
        """Return the bytes that tell each entry's own outcome, in order."""
        orders = await self._orders(channel, entries)
        shown: list[bytes | None] = [None] * len(entries)
        by_lane: defaultdict[int, list[tuple[int, Order]]] = defaultdict(list)
        for n, order in enumerate(orders):
            by_lane[partition_of(order.wallet_id, len(self.ledger.lanes))].append((n, order))
        elsewhere: list[int] = []
        writing = [
            (numbered, self.ledger.lanes[p].begin([order for _, order in numbered]))
            for p, numbered in by_lane.items()
        ]
        for numbered, waiting in writing:
            for (n, _), answer in zip(numbered, await Lane.ended(waiting), strict=True):
                if answer is None:
                    elsewhere.append(n)
                else:
                    shown[n] = _shown(entries[n].key, answer)
        if elsewhere:
            await self._pass_on(request, entries, orders, sorted(elsewhere), shown)
        return b'{"outcomes":[' + b",".join(one for one in shown if one is not None) + b"]}"

    async def all_or_none(self, channel: Principal, entries: Entries) -> tuple[int, bytes]:
        """Return 200 and all outcomes, or 409 and the first refusal, and then nothing happened.

        Raises Problem 503 if the partitions cannot be had, or it is not known what was committed:
        the same batch under the same keys tells.
        """
        orders = await self._orders(channel, entries)
        answers = await write_all_or_none(self.ledger.lanes, orders, datetime.now(UTC))
        for n, answer in enumerate(answers):
            if answer.status != 201:
                return _refusal(n, entries[n].key, answer)
        shown = [_shown(e.key, a) for e, a in zip(entries, answers, strict=True)]
        return 200, b'{"outcomes":[' + b",".join(shown) + b"]}"

    async def _orders(self, channel: Principal, entries: Entries) -> list[Order]:
        """Return an order for each entry; some need no look at the wallet to be refused."""
        cards = await self.directory.cards({entry.card_number for entry in entries})
        states = await self.directory.store_states({entry.store_id for entry in entries})
        cause = Cause(urandom(16).hex())
        orders: list[Order] = []
        for entry in entries:
            holder, state = cards.get(entry.card_number), states.get(entry.store_id)
            till = Till(entry.card_number, entry.store_id, channel.subject)
            orders.append(
                Order(
                    channel.caller,
                    entry.key,
                    _fingerprint(entry),
                    f"card:{entry.card_number}" if holder is None else holder.wallet_id,
                    asked_of(entry, till, state, holder, self.limits),
                    cause,
                )
            )
        return orders

    async def _pass_on(
        self,
        request: Request,
        entries: Entries,
        orders: Sequence[Order],
        numbers: Sequence[int],
        shown: list[bytes | None],
    ) -> None:
        """Let the processes that own the other partitions answer: once, never in a circle."""
        unavailable = problem("unavailable")
        by_address: defaultdict[str | None, list[int]] = defaultdict(list)
        for n in numbers:
            by_address[await self.ledger.owner_of(request, orders[n])].append(n)
        for address, mine in by_address.items():
            outcomes = None
            if address is not None:
                part = [_as_it_came(entries[n]) for n in mine]
                outcomes = await self._ask(request, address, {"entries": part})
            for i, n in enumerate(mine):
                shown[n] = outcomes[i] if outcomes else _shown(entries[n].key, unavailable)

    async def _ask(self, request: Request, address: str, body: Any) -> list[bytes] | None:
        headers = {"authorization": request.headers["authorization"], FORWARDED: "1"}
        try:
            answer = await self.ledger.passing.client.post(
                address + PATH, json=body, headers=headers
            )
        except httpx.HTTPError:
            return None
        if answer.status_code != 200:
            return None
        outcomes: list[msgspec.Raw] = msgspec.json.decode(answer.content, type=_Outcomes).outcomes
        return [bytes(outcome) for outcome in outcomes]


class _Outcomes(msgspec.Struct):
    outcomes: list[msgspec.Raw]


def _fingerprint(entry: models.BatchEntry | plain_batch.PlainEntry) -> bytes:
    """Return what tells an entry from another one under its key."""
    if isinstance(entry, plain_batch.Entry):
        return plain_batch.fingerprint_of(entry)
    return fingerprint_plain("POST", PATH, entry.model_dump(exclude={"key"}, exclude_unset=True))


def _as_it_came(entry: models.BatchEntry | plain_batch.PlainEntry) -> dict[str, Any]:
    if isinstance(entry, plain_batch.Entry):
        return plain_batch.shown(entry)
    return entry.model_dump(exclude_unset=True)


def _shown(key: str, answer: Answer) -> bytes:
    return b'{"key":%s,"status":%d,"body":%s}' % (
        msgspec.json.encode(key),
        answer.status,
        answer.body,
    )


def _refusal(index: int, key: str, answer: Answer) -> tuple[int, bytes]:
    """Return 409 with the refusal of one entry, the entry's own status beside it."""
    if answer.status == Problem("unavailable").status_code:
        raise Problem("unavailable")
    said = json.loads(answer.body)
    body = {**said, "status": 409, "index": index, "key": key, "entry_status": answer.status}
    return 409, msgspec.json.encode(body)

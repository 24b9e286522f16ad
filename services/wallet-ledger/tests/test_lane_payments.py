"""Holds, refunds and reversals on real PostgreSQL: races, time, owners, and what it refuses."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from events.envelope import Cause
from events.log import partition_of
from kembalian.grounds.databases import Databases
from wallet_ledger.answers import Answer
from wallet_ledger.config import PARTITIONS
from wallet_ledger.domain import (
    Allocation,
    ApproveReversal,
    Command,
    ConfirmHold,
    Entry,
    ExpireHold,
    PlaceHold,
    Redeem,
    RefundPayment,
    RejectReversal,
    ReleaseHold,
    RequestReversal,
    Till,
    TopUpWithCash,
)
from wallet_ledger.expiry import order_of
from wallet_ledger.group import Order
from wallet_ledger.lane import Lane
from wallet_ledger.testing.lanes import owned, writing

KANTIN = Till("1000", "kantin", "kasir-1")
KOPERASI = Till("1000", "koperasi", "kasir-3")
WALLET = next(f"w{n}" for n in range(100) if partition_of(f"w{n}", PARTITIONS) == 0)
HOLD = PlaceHold("p", "o", (("koperasi", 60), ("kantin", 40)), 3_600)


@asynccontextmanager
async def owner(ledger: Databases) -> AsyncGenerator[Lane]:
    """A process that writes partition 0, and lets go of it when it ends."""
    async with writing(ledger.app_dsn, 0) as (lane,):
        await owned([lane])
        yield lane


@pytest.fixture
async def lane(ledger: Databases) -> AsyncGenerator[Lane]:
    async with owner(ledger) as lane:
        yield lane


async def ask(lane: Lane, key: str, command: Command) -> dict[str, Any]:
    """Return the answer's body, and its status."""
    order = Order("ordering", key, key.encode(), WALLET, command, Cause("test"))
    answer: Answer = await lane.submit(order)
    return {**json.loads(answer.body), "status": answer.status}


async def rows(ledger: Databases, query: str, *values: object) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(ledger.admin_dsn)
    try:
        return await connection.fetch(query, *values)
    finally:
        await connection.close()


async def types(ledger: Databases) -> Counter[str]:
    found = await rows(ledger, "SELECT type FROM log.event")
    return Counter(row["type"].split(".")[2] for row in found)


async def eventually(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await condition():
            await asyncio.sleep(0.1)


ENDS: list[Command] = [ConfirmHold("p"), ReleaseHold("p"), ExpireHold("p")]


@pytest.mark.parametrize("moment", ["at once", "when its time is over"])
async def test_of_fifty_ends_of_a_hold_one_counts(
    ledger: Databases, lane: Lane, moment: str
) -> None:
    await ask(lane, "money", TopUpWithCash(KANTIN, 100))
    await ask(lane, "hold", PlaceHold("p", "o", HOLD.parts, 1))
    if moment != "at once":
        await asyncio.sleep(0.97)

    async def end(n: int) -> dict[str, Any]:
        await asyncio.sleep(n * 0.001)
        return await ask(lane, f"end-{n}", ENDS[n % 3])

    answers = await asyncio.gather(*(end(n) for n in range(50)))

    async def is_over() -> bool:
        (row,) = await rows(ledger, "SELECT state FROM view.payment")
        return row["state"] != "held"

    await eventually(is_over)  # the sweep may have been the first
    assert [a["status"] for a in answers].count(201) <= 1
    assert {a["status"] for a in answers} <= {201, 409, 503}
    ended = await types(ledger)
    assert ended["PaymentHoldReleased"] + (ended["PaymentDebited"] > 0) == 1
    (row,) = await rows(ledger, "SELECT state, held FROM view.payment")
    states = {a["state"] for a in answers if a["status"] == 201} or {"expired"}
    assert (row["state"], row["held"]) == (states.pop(), "[]")


async def test_a_hold_times_out_without_anybody_asking(ledger: Databases, lane: Lane) -> None:
    await ask(lane, "money", TopUpWithCash(KANTIN, 100))
    await ask(lane, "hold", PlaceHold("p", "o", HOLD.parts, 3))
    spent = await ask(lane, "early", Redeem(KOPERASI, 1))
    assert (spent["status"], spent["available"], spent["shortfall"]) == (409, 0, 1)
    # a sweep that came too early (the clock was set back since) must not be kept as its answer
    assert (await lane.submit(order_of(WALLET, "p"))).status == 503

    async def is_available_again() -> bool:
        released = await rows(ledger, "SELECT FROM log.event WHERE type LIKE '%HoldReleased%'")
        return len(released) == 1

    await eventually(is_available_again)
    late = await ask(lane, "late", ConfirmHold("p"))
    assert (late["status"], late["type"]) == (409, "/problems/hold-expired")
    assert (await ask(lane, "now", Redeem(KOPERASI, 100)))["status"] == 201
    assert (await ask(lane, "again", PlaceHold("p", "o", HOLD.parts, 3)))["status"] == 409


async def test_what_is_held_survives_a_change_of_owner(ledger: Databases) -> None:
    async with owner(ledger) as first:
        await ask(first, "money", TopUpWithCash(KANTIN, 130))
        held = await ask(first, "hold", HOLD)
    async with owner(ledger) as second:
        poor = await ask(second, "spend", Redeem(KOPERASI, 31))
        assert (poor["status"], poor["available"]) == (409, 30)
        parts = (("koperasi", 50), ("kantin", 40))
        paid = await ask(second, "confirm", ConfirmHold("p", parts))
    async with owner(ledger) as third:
        assert (await ask(third, "hold", HOLD)) == held  # the first answer, from the database
        too_much = await ask(third, "all", RefundPayment("p", "koperasi", 51))
        back = await ask(third, "back", RefundPayment("p", "koperasi", 50))

    assert (held["state"], held["amount"], held["available"]) == ("held", 100, 30)
    assert (paid["amount"], paid["released"], paid["available"]) == (90, 10, 40)
    assert len(paid["event_ids"]) == 3
    assert (too_much["status"], too_much["refundable"]) == (409, 50)
    assert (back["allocations"], back["balance"]) == ([{"issuer": "kantin", "amount": 50}], 90)


async def test_refunds_that_race_never_bring_back_more_than_was_paid(
    ledger: Databases, lane: Lane
) -> None:
    await ask(lane, "money", TopUpWithCash(KANTIN, 100))
    await ask(lane, "hold", HOLD)
    await ask(lane, "confirm", ConfirmHold("p"))

    answers = await asyncio.gather(
        *(ask(lane, f"r{n}", RefundPayment("p", "koperasi", 7)) for n in range(40))
    )

    assert Counter(a["status"] for a in answers) == {201: 8, 409: 32}
    assert {a["refundable"] for a in answers if a["status"] == 409} == {4}
    assert (await ask(lane, "rest", RefundPayment("p", "koperasi", 4)))["balance"] == 60
    (row,) = await rows(ledger, "SELECT sum(balance) AS money FROM view.bucket")
    assert row["money"] == 60


async def entered(lane: Lane, amount: int) -> Entry:
    event_id = (await ask(lane, "entry", TopUpWithCash(KANTIN, amount)))["event_id"]
    return Entry(event_id, "1000", "kantin", "credit", "cash", (Allocation("kantin", amount),))


async def test_of_fifty_decisions_on_a_reversal_one_counts(ledger: Databases, lane: Lane) -> None:
    entry = await entered(lane, 100)
    asked = await ask(lane, "ask", RequestReversal("r", entry, "ana", "typed twice"))
    assert (asked["state"], asked["reversed_event_id"]) == ("requested", entry.event_id)

    def decision(n: int) -> Command:
        return RejectReversal("r", "budi") if n % 2 else ApproveReversal("r", entry, "budi")

    answers = await asyncio.gather(*(ask(lane, f"d{n}", decision(n)) for n in range(50)))

    assert Counter(a["status"] for a in answers) == {201: 1, 409: 49}
    counted = await types(ledger)
    assert counted["EntryReversed"] + counted["ReversalRejected"] == 1
    (row,) = await rows(ledger, "SELECT state FROM view.reversal")
    assert row["state"] == next(a["state"] for a in answers if a["status"] == 201)


async def test_of_many_who_ask_for_one_reversal_one_is_heard(ledger: Databases, lane: Lane) -> None:
    entry = await entered(lane, 100)

    answers = await asyncio.gather(
        *(ask(lane, f"a{n}", RequestReversal(f"r{n}", entry, f"x{n}", "why")) for n in range(20))
    )

    assert Counter(a["status"] for a in answers) == {201: 1, 409: 19}
    own = answers[[a["status"] for a in answers].index(201)]["reversal_id"]
    mine = await ask(lane, "own", ApproveReversal(own, entry, f"x{own[1:]}"))
    assert (mine["status"], mine["type"]) == (403, "/problems/forbidden")
    done = await ask(lane, "done", ApproveReversal(own, entry, "budi"))
    assert (done["status"], done["balance"]) == (201, 0)
    async with asyncio.timeout(10):
        again = await ask(lane, "again", RequestReversal("later", entry, "ana", "why"))
    assert (again["status"], again["state"]) == (409, "approved")
    assert len(await rows(ledger, "SELECT FROM view.reversal")) == 1


async def test_an_entry_is_asked_for_anew_in_the_very_group_that_rejects_it(lane: Lane) -> None:
    entry = await entered(lane, 100)
    await ask(lane, "first", RequestReversal("r2", entry, "ana", "why"))

    answers = await asyncio.gather(  # r1 comes before r2 in the index: the group is halved
        ask(lane, "no", RejectReversal("r2", "budi")),
        ask(lane, "second", RequestReversal("r1", entry, "ana", "why")),
    )

    assert [a.get("state") for a in answers] == ["rejected", "requested"]


PAYMENT = "INSERT INTO view.payment VALUES (0, 'w', $1, 'o', $2, now(), $3, $4)"
SOME = '[["a",[["a",1]]]]'


IMPOSSIBLE = [
    ("held", "[]", "[]"),  # held, and nothing is set aside
    ("released", SOME, "[]"),  # ended, and still set aside
    ("expired", SOME, "[]"),
    ("debited", SOME, SOME),
    ("held", SOME, SOME),  # paid before it was decided
    ("released", "[]", SOME),
    ("undecided", "[]", "[]"),
]


async def test_the_database_refuses_payments_that_cannot_be(ledger: Databases) -> None:
    await rows(ledger, PAYMENT, "fine", "debited", "[]", SOME)

    for state, held, paid in IMPOSSIBLE:
        with pytest.raises(asyncpg.CheckViolationError):
            await rows(ledger, PAYMENT, "wrong", state, held, paid)


async def test_the_database_refuses_to_undo_an_entry_twice(ledger: Databases) -> None:
    insert = "INSERT INTO view.reversal VALUES (0, 'w', $1, 'e', $2, 'ana', 'why')"
    await rows(ledger, insert, "r1", "rejected")
    await rows(ledger, insert, "r2", "approved")
    await rows(ledger, insert, "r3", "rejected")

    with pytest.raises(asyncpg.UniqueViolationError, match="reversal_of_event"):
        await rows(ledger, insert, "r4", "requested")
    with pytest.raises(asyncpg.CheckViolationError):
        await rows(ledger, insert, "r5", "forgotten")

"""Events to rows on a real PostgreSQL: what is written, once, in whatever order it comes."""

import asyncio
import hashlib
from collections.abc import Callable
from random import Random
from typing import Any

import asyncpg
import pytest

from events import places
from events.contracts.base import Allocation
from events.contracts.identity import MemberConsentChanged
from events.contracts.wallet import (
    PaymentHeld,
    PaymentHoldReleased,
    PaymentPart,
    ReversalRejected,
    ReversalRequested,
    SaleRecorded,
    WalletEvent,
)
from events.envelope import Opened
from events.received import Received
from events.topics import IDENTITY, WALLET
from kembalian.testing.databases import MakeDatabase
from settlement.config import MIGRATIONS
from settlement.consumer import project
from settlement.meaning import UnknownEvent
from settlement.operations import export, rebuild
from settlement.testing.feeding import busy, feed
from settlement.testing.ledger import START, SUSILA, Ledger


def partitions(events: list[Received]) -> list[list[Received]]:
    """Return the events of each topic partition, in order."""
    places_ = sorted({(e.topic, e.partition) for e in events})
    return [[e for e in events if (e.topic, e.partition) == place] for place in places_]


async def digest(dsn: str) -> str:
    """Return the SHA-256 of the canonical export."""
    lines = [line async for line in export(dsn)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


async def test_a_redemption_gives_an_entry_its_debts_and_movements(
    connection: asyncpg.Connection, ledger: Ledger
) -> None:
    ledger.save(SUSILA, "koperasi", 300)
    ledger.save(SUSILA, "kantin", 400)
    spent = ledger.redeem(SUSILA, "kantin", 600)

    await feed(connection, ledger.events)

    at = (spent.partition, spent.position)
    entry = await connection.fetchrow("SELECT * FROM view.entry WHERE paid > 0")
    debt = await connection.fetchrow("SELECT * FROM view.obligation")
    moved = await connection.fetch(
        "SELECT * FROM view.movement WHERE position = 3 ORDER BY ordinal"
    )
    assert entry is not None
    assert debt is not None
    assert tuple(entry)[:4] == (*at, 0, spent.recorded_at)
    assert tuple(entry)[5:] == (
        *("redemption", SUSILA, "62001000", "kantin", "kantin-1"),
        *(0, 600, 100),
    )
    assert str(entry["event_id"]) == str(debt["event_id"]) == spent.envelope.event_id
    assert tuple(debt)[5:] == ("koperasi", "kantin", "62001000", 200)
    assert [tuple(row)[4:] for row in moved] == [
        ("kantin", 200, 0, -400),
        ("koperasi", 0, 200, -200),
    ]


WALLET_OF_SUSILA: dict[str, Any] = {"wallet_id": SUSILA, "balance": 300, "postings": ()}
PAYMENT: dict[str, Any] = {**WALLET_OF_SUSILA, "payment_id": "p1", "order_id": "o1", "amount": 100}
REVERSAL: dict[str, Any] = {**WALLET_OF_SUSILA, "reversal_id": "r1", "event_id": "e1"}
PART = PaymentPart(
    store_id="kantin", amount=100, allocations=(Allocation(issuer="kantin", amount=100),)
)


async def test_a_payment_and_its_refund_have_no_card_and_leave_nothing_owed(
    connection: asyncpg.Connection, ledger: Ledger
) -> None:
    ledger.save(SUSILA, "koperasi", 300)
    ledger.save(SUSILA, "kantin", 400)
    ledger.refund(ledger.pay(SUSILA, "kantin", 600), 600)

    await feed(connection, ledger.events)

    entries = await connection.fetch(
        "SELECT kind, card_number, cashier_id, saved, paid, balance FROM view.entry"
        " WHERE position > 2 ORDER BY position"
    )
    assert [tuple(row) for row in entries] == [
        ("payment", None, None, 0, 600, 100),
        ("refund", None, None, 600, 0, 700),
    ]
    debts = await connection.fetch(
        "SELECT debtor, creditor, card_number, amount FROM view.obligation ORDER BY position"
    )
    assert [tuple(row) for row in debts] == [
        ("koperasi", "kantin", None, 200),
        ("koperasi", "kantin", None, -200),
    ]
    assert await totals(connection) == [("kantin", 0, 0, 400), ("koperasi", 0, 0, 300)]


async def test_reversals_undo_what_was_entered_and_name_its_card(
    connection: asyncpg.Connection, ledger: Ledger
) -> None:
    ledger.save(SUSILA, "koperasi", 300)
    ledger.reverse(ledger.top_up(SUSILA, "kantin", 5_000))
    ledger.reverse(ledger.redeem(SUSILA, "kantin", 200))

    await feed(connection, ledger.events)

    entries = await connection.fetch(
        "SELECT kind, card_number, cashier_id, saved, paid, balance FROM view.entry"
        " WHERE kind = 'reversal' ORDER BY position"
    )
    assert [tuple(row) for row in entries] == [
        ("reversal", "62001000", None, 0, 5_000, 300),
        ("reversal", "62001000", None, 200, 0, 300),
    ]
    assert await totals(connection) == [("kantin", 0, 0, 0), ("koperasi", 0, 0, 300)]


async def totals(connection: asyncpg.Connection) -> list[tuple[str, int, int, int]]:
    """Return (store, receivable, liability, issued) by store, of one partition."""
    rows = await connection.fetch(
        "SELECT store_id, receivable, liability, issued FROM view.total ORDER BY store_id"
    )
    return [(row[0], row[1], row[2], row[3]) for row in rows]


@pytest.mark.parametrize(
    "event",
    [
        SaleRecorded(
            **WALLET_OF_SUSILA,
            card_number="62001000",
            store_id="kantin",
            cashier_id="kantin-1",
            sale_total=10_000,
            tendered=10_500,
            cash_returned=500,
        ),
        PaymentHeld(**PAYMENT, parts=(PART,), expires_at="2026-11-22T02:00:00.000000Z"),
        PaymentHoldReleased(**PAYMENT, reason="expired"),
        ReversalRequested(**REVERSAL, requested_by="admin-1", reason="typed twice"),
        ReversalRejected(**REVERSAL, rejected_by="admin-2"),
    ],
    ids=lambda event: type(event).__name__,
)
async def test_what_moves_no_balance_moves_the_place_alone(
    connection: asyncpg.Connection, ledger: Ledger, event: WalletEvent
) -> None:
    sale = ledger.tell(event)

    await feed(connection, ledger.events)

    counts = "SELECT (SELECT count(*) FROM view.entry), (SELECT count(*) FROM view.movement)"
    assert tuple(await connection.fetchrow(counts) or ()) == (0, 0)
    known = await places.load(connection)
    assert [
        p.position for p in known if p.partition == sale.partition and p.topic == WALLET.name
    ] == [1]


async def test_a_renamed_store_stays_one_line(
    connection: asyncpg.Connection, ledger: Ledger
) -> None:
    ledger.rename_store("kantin")

    await feed(connection, ledger.events)

    rows = await connection.fetch("SELECT store_id FROM view.store ORDER BY store_id")
    assert [row["store_id"] for row in rows] == ["fotokopi", "kantin", "koperasi"]


async def test_many_at_once_and_one_by_one_give_the_same_rows(
    make_database: MakeDatabase, ledger: Ledger
) -> None:
    events = busy(ledger).events

    digests = set[str]()
    for runs in (partitions(events), [[event] for event in events], interleaved(events, seed=3)):
        dsn = make_database("settlement", MIGRATIONS).app_dsn
        connection = await asyncpg.connect(dsn)
        for run in runs:
            await feed(connection, run)
        await connection.close()
        digests.add(await digest(dsn))

    assert len(digests) == 1


def interleaved(events: list[Received], seed: int) -> list[list[Received]]:
    """Return runs in which the partitions come in quite another order, each in its own."""
    random = Random(seed)
    waiting = partitions(events)
    runs: list[list[Received]] = []
    while waiting:
        queue = random.choice(waiting)
        count = random.randint(1, 9)
        runs.append(queue[:count])
        del queue[:count]
        if not queue:
            waiting.remove(queue)
    return runs


async def test_an_event_that_comes_twice_is_refused_whole(
    connection: asyncpg.Connection, dsn: str, ledger: Ledger
) -> None:
    saved = ledger.save(SUSILA, "kantin", 300)
    await feed(connection, ledger.events)
    before = await digest(dsn)

    with pytest.raises(asyncpg.UniqueViolationError):
        async with connection.transaction():
            await project(connection, [saved])

    assert await digest(dsn) == before


@pytest.mark.parametrize("topic", [WALLET.name, IDENTITY.name])
async def test_an_event_without_a_meaning_here_is_refused(
    connection: asyncpg.Connection, topic: str
) -> None:
    data = MemberConsentChanged(member_id=SUSILA, auto_save_consent=True)
    envelope = Opened(SUSILA, "kembalian.identity.MemberConsentChanged.v1", SUSILA, 1, "", data)

    with pytest.raises(UnknownEvent):
        await project(connection, [Received(topic, 0, 1, START, envelope)])


async def test_all_debts_sum_to_all_cross_store_spending(
    connection: asyncpg.Connection, ledger: Ledger
) -> None:
    await feed(connection, busy(ledger).events)

    sums = await connection.fetchrow(
        "SELECT sum(receivable) - sum(liability), sum(issued), sum(receivable) FROM view.total"
    )
    debts = await connection.fetchval("SELECT sum(amount) FROM view.obligation")
    held = sum(sum(buckets.values()) for buckets in ledger.buckets.values())
    assert tuple(sums or ()) == (0, held, debts)
    issued = await connection.fetch(
        "SELECT store_id, sum(issued) AS issued FROM view.total GROUP BY store_id"
    )
    for row in issued:
        buckets = (b.get(row["store_id"], 0) for b in ledger.buckets.values())
        assert row["issued"] == sum(buckets)


async def test_a_dropped_view_is_refilled_to_the_byte(
    connection: asyncpg.Connection, dsn: str, ledger: Ledger
) -> None:
    events = busy(ledger).events
    await feed(connection, events)
    before = await digest(dsn)
    seen: list[tuple[int, int]] = []

    def refill_once(done: int, total: int) -> None:
        seen.append((done, total))

    rebuilding = asyncio.create_task(rebuild(dsn, refill_once))
    await until(lambda: bool(seen))
    await feed(connection, events)
    await rebuilding

    assert await digest(dsn) == before
    assert seen[0] == (0, len(events))
    assert seen[-1] == (len(events), len(events))


async def until(true: Callable[[], bool]) -> None:
    """Wait until something is true, a minute at most."""
    async with asyncio.timeout(60):
        while not true():
            await asyncio.sleep(0.01)

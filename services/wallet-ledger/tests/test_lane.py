"""One writer on real PostgreSQL: repeats, races, fences and what the database refuses."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from events.envelope import Cause
from events.log import partition_of
from kembalian.grounds.databases import Databases
from wallet_ledger import operations
from wallet_ledger.answers import Answer, problem
from wallet_ledger.arrivals import NotOwner
from wallet_ledger.config import PARTITIONS
from wallet_ledger.domain import Command, Redeem, Till, TopUpWithCash
from wallet_ledger.group import Order, decide_group
from wallet_ledger.lane import Lane, Undecidable
from wallet_ledger.rebuilding import Part, refill
from wallet_ledger.testing.lanes import owned, writing

KANTIN = Till("1000", "kantin", "kasir-1")
KOPERASI = Till("1000", "koperasi", "kasir-3")
WALLET = next(f"w{n}" for n in range(100) if partition_of(f"w{n}", PARTITIONS) == 0)
OTHER_HERE = next(f"y{n}" for n in range(100) if partition_of(f"y{n}", PARTITIONS) == 0)
OTHER = next(f"x{n}" for n in range(100) if partition_of(f"x{n}", PARTITIONS) == 1)


@pytest.fixture
async def lane(ledger: Databases) -> AsyncGenerator[Lane]:
    async with writing(ledger.app_dsn, 0) as (lane,):
        await owned([lane])
        yield lane


def order(key: str, command: Command, wallet_id: str = WALLET, mark: bytes = b"body") -> Order:
    return Order("cashier:kasir-1", key, mark, wallet_id, command, Cause("test"))


async def count(ledger: Databases, table: str) -> int:
    connection = await asyncpg.connect(ledger.admin_dsn)
    try:
        return await connection.fetchval(f"SELECT count(*) FROM {table}")  # noqa: S608 - ours
    finally:
        await connection.close()


async def execute(ledger: Databases, *statements: str) -> None:
    connection = await asyncpg.connect(ledger.admin_dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


def statuses(answers: Sequence[Answer]) -> list[int]:
    return sorted(answer.status for answer in answers)


async def test_fifty_equal_requests_make_one_event_and_fifty_equal_answers(
    ledger: Databases, lane: Lane
) -> None:
    asked = [lane.submit(order("k", TopUpWithCash(KANTIN, 700))) for _ in range(50)]

    answers = await asyncio.gather(*asked)

    assert {(a.status, a.body) for a in answers} == {(201, answers[0].body)}
    assert sum(not a.replayed for a in answers) == 1
    assert await count(ledger, "log.event") == 1


async def test_of_a_hundred_redemptions_one_is_covered(ledger: Databases, lane: Lane) -> None:
    await lane.submit(order("first", TopUpWithCash(KANTIN, 600)))

    answers = await asyncio.gather(
        *(lane.submit(order(f"k{n}", Redeem(KOPERASI, 600))) for n in range(100))
    )

    assert statuses(answers) == [201] + [409] * 99
    refusals = [json.loads(a.body) for a in answers if a.status == 409]
    assert {r["type"] for r in refusals} == {"/problems/insufficient-funds"}
    assert {(r["available"], r["shortfall"]) for r in refusals} == {(0, 600)}
    assert await count(ledger, "log.event") == 2


async def test_a_refusal_repeats_as_it_was_even_after_a_top_up(lane: Lane) -> None:
    refused = await lane.submit(order("k", Redeem(KANTIN, 5)))
    await lane.submit(order("more", TopUpWithCash(KANTIN, 500)))

    again = await lane.submit(order("k", Redeem(KANTIN, 5)))

    assert (again.status, again.body, again.replayed) == (409, refused.body, True)


async def test_a_repeat_that_would_be_refused_now_is_answered_by_the_next_owner_too(
    ledger: Databases,
) -> None:
    async with writing(ledger.app_dsn, 0) as lanes:
        await owned(lanes)
        first = await lanes[0].submit(order("k", TopUpWithCash(KANTIN, 5)))
    refusal = problem("store-not-authorised")
    now_refused = replace(order("k", TopUpWithCash(KANTIN, 5)), asked=refusal)
    async with writing(ledger.app_dsn, 0) as lanes:
        await owned(lanes)
        again = await lanes[0].submit(now_refused)
        new = await lanes[0].submit(replace(now_refused, key="new"))

    assert (again.status, again.body, again.replayed) == (201, first.body, True)
    assert new == refusal
    assert await count(ledger, "log.outcome") == 1  # of what is refused so, nothing is kept


async def test_a_key_for_another_body_is_refused_and_changes_nothing(
    ledger: Databases, lane: Lane
) -> None:
    await lane.submit(order("k", TopUpWithCash(KANTIN, 5)))

    other = await lane.submit(order("k", TopUpWithCash(KANTIN, 6), mark=b"another body"))

    assert other.status == 422
    assert b"idempotency-key-reused" in other.body
    assert await count(ledger, "log.event") == 1


async def test_a_key_in_two_partitions_at_once_counts_for_one(ledger: Databases) -> None:
    async with writing(ledger.app_dsn, 0, 1) as (zero, one):
        await owned([zero, one])
        for n in range(20):
            answers = await asyncio.gather(
                zero.submit(order(f"k{n}", TopUpWithCash(KANTIN, 5), WALLET, b"a")),
                one.submit(order(f"k{n}", TopUpWithCash(KANTIN, 5), OTHER, b"b")),
                zero.submit(order(f"n{n}", TopUpWithCash(KANTIN, 5))),  # its neighbour is well
            )
            assert statuses(answers) == [201, 201, 422]
    assert await count(ledger, "log.event") == 40


async def test_what_the_database_refuses_falls_alone(ledger: Databases, lane: Lane) -> None:
    await lane.submit(order("first", TopUpWithCash(KANTIN, 600)))
    await execute(  # a key that another partition commits between our look and our write
        ledger,
        "CREATE FUNCTION log.late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF NEW.key = 'bad' THEN RAISE unique_violation; END IF; RETURN NEW; END $$",
        "CREATE TRIGGER late BEFORE INSERT ON log.outcome FOR EACH ROW EXECUTE FUNCTION log.late()",
    )
    orders = [order("bad" if n == 7 else f"k{n}", Redeem(KANTIN, 5)) for n in range(16)]

    answers = await asyncio.gather(*map(lane.submit, orders), return_exceptions=True)

    assert [n for n, a in enumerate(answers) if isinstance(a, Exception)] == [7]
    last = await lane.submit(order("last", TopUpWithCash(KANTIN, 1)))
    assert json.loads(last.body)["balance"] == 600 - 15 * 5 + 1


async def test_a_writer_whose_partition_was_taken_doubles_nothing(ledger: Databases) -> None:
    async with writing(ledger.app_dsn, 0) as (paused,):
        await owned([paused])
        await paused.submit(order("a", TopUpWithCash(KANTIN, 600)))
        # It slept past its lease, and another process took over, spent the money and holds on.
        await execute(ledger, "UPDATE log.lease SET expires_at = '-infinity'")
        async with writing(ledger.app_dsn, 0) as (taker,):
            await owned([taker])
            spent = await taker.submit(order("b", Redeem(KANTIN, 600)))
            # The one that wakes still has 600 in its memory, and believes it owns the partition.
            with pytest.raises(NotOwner):
                await paused.submit(order("c", Redeem(KANTIN, 600)))
            again = await taker.submit(order("c", Redeem(KANTIN, 600)))
    assert (spent.status, again.status) == (201, 409)
    assert await count(ledger, "log.event") == 2


async def test_another_process_takes_over_within_seconds_of_a_death(ledger: Databases) -> None:
    async with writing(ledger.app_dsn, 0, killed=True) as (first,):
        await owned([first])
    async with writing(ledger.app_dsn, 0) as (second,):
        with pytest.raises(NotOwner):
            await second.submit(order("k", TopUpWithCash(KANTIN, 1)))
        await owned([second])
        assert (await second.submit(order("k", TopUpWithCash(KANTIN, 1)))).status == 201


@pytest.mark.parametrize("moment", ["before", "during"])
async def test_a_connection_lost_in_a_commit_neither_loses_nor_doubles(
    ledger: Databases, lane: Lane, moment: str
) -> None:
    kill = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE query LIKE '%append_group%' AND pid <> pg_backend_pid()"
    )

    async def killer() -> None:
        for _ in range(10):
            await asyncio.sleep(0.03 if moment == "during" else 0)
            await execute(ledger, kill)

    async def client(n: int) -> Answer:
        return await lane.submit(order(f"k{n}", TopUpWithCash(KANTIN, 1)))

    async def steady(act: Callable[[int], Awaitable[Answer]]) -> list[Answer]:
        return [await act(n) for n in range(60)]

    answers, _ = await asyncio.gather(steady(client), killer())

    assert statuses(answers) == [201] * 60
    assert await count(ledger, "log.event") == 60
    last = await lane.submit(order("last", TopUpWithCash(KANTIN, 1)))
    assert json.loads(last.body)["balance"] == 61


async def test_what_cannot_even_be_decided_falls_alone(
    ledger: Databases, lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_on_bad(orders: Sequence[Order], *rest: Any) -> Any:
        if any(order.key == "bad" for order in orders):
            raise ValueError("a fault of ours")
        return decide_group(orders, *rest)

    monkeypatch.setattr("wallet_ledger.writing.decide_group", fail_on_bad)
    orders = [order("bad" if n == 3 else f"k{n}", TopUpWithCash(KANTIN, 1)) for n in range(8)]

    answers = await asyncio.gather(*map(lane.submit, orders), return_exceptions=True)

    assert [n for n, a in enumerate(answers) if isinstance(a, Undecidable)] == [3]
    assert await count(ledger, "log.event") == 7


async def test_nobody_decides_by_views_that_were_dropped_and_are_not_filled_yet(
    ledger: Databases, lane: Lane
) -> None:
    await lane.submit(order("rich", TopUpWithCash(KANTIN, 600)))
    await execute(ledger, "DROP SCHEMA view CASCADE")
    connection = await asyncpg.connect(ledger.admin_dsn)
    async with connection.transaction():
        await operations.make_views_again(connection, None)
    await connection.close()
    # The lane slept through it: it still believes in its epoch, and loads from empty views.
    with pytest.raises(NotOwner):
        await lane.submit(order("other", TopUpWithCash(KANTIN, 1), OTHER_HERE))
    with pytest.raises(NotOwner):
        await lane.submit(order("spend", Redeem(KANTIN, 600)))
    async for _ in refill(Part(ledger.admin_dsn, 0)):
        pass

    await owned([lane])
    spent = await lane.submit(order("spend", Redeem(KANTIN, 600)))

    assert (spent.status, json.loads(spent.body)["balance"]) == (201, 0)
    assert await count(ledger, "log.event") == 2

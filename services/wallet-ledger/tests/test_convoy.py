"""Groups of several partitions in one commit, on real PostgreSQL: together, or each alone."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from events import log
from events.envelope import Cause
from events.finding import Finding
from events.log import partition_of
from kembalian.grounds.databases import Databases
from wallet_ledger import store
from wallet_ledger.answers import Answer
from wallet_ledger.checking import check
from wallet_ledger.config import PARTITIONS
from wallet_ledger.domain import Command, PlaceHold, Redeem, Till, TopUpWithCash
from wallet_ledger.group import Order
from wallet_ledger.lane import Lane
from wallet_ledger.testing.lanes import owned, writing

KANTIN = Till("1000", "kantin", "kasir-1")
WALLETS = [
    next(f"w{n}" for n in range(500) if partition_of(f"w{n}", PARTITIONS) == partition)
    for partition in range(PARTITIONS)
]
OTHER_WALLET = next(f"x{n}" for n in range(500) if partition_of(f"x{n}", PARTITIONS) == 0)
THREE = (0, 1, 2)

COMMITS = "SELECT count(DISTINCT xmin::text) FROM log.link WHERE partition < 1000"
LINKS = "SELECT count(*) FROM log.link WHERE partition < 1000"
EVENTS = "SELECT count(*) FROM log.event WHERE partition < 1000"
HOLD_COUNTER = "SELECT FROM log.counter WHERE partition = 0 FOR UPDATE"

REFUSE_BAD = """
CREATE FUNCTION log.late() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.key = 'bad' THEN RAISE unique_violation; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER late BEFORE INSERT ON log.outcome FOR EACH ROW EXECUTE FUNCTION log.late();
"""
NOTHING: list[Any] = []


@asynccontextmanager
async def three(ledger: Databases) -> AsyncGenerator[list[Lane]]:
    """A process that writes partitions 0, 1 and 2."""
    async with writing(ledger.app_dsn, *THREE) as lanes:
        await owned(lanes)
        yield lanes


@pytest.fixture
async def lanes(ledger: Databases) -> AsyncGenerator[list[Lane]]:
    async with three(ledger) as lanes:
        yield lanes


def top_up(key: str, partition: int, amount: int = 100) -> Order:
    return order(key, partition, TopUpWithCash(KANTIN, amount))


def top_up_of(wallet_id: str, key: str) -> Order:
    return Order(
        "cashier:kasir-1", key, b"body", wallet_id, TopUpWithCash(KANTIN, 100), Cause("test")
    )


def order(key: str, partition: int, command: Command) -> Order:
    return Order("cashier:kasir-1", key, b"body", WALLETS[partition], command, Cause("test"))


async def together(lanes: Sequence[Lane], key: str) -> list[Answer]:
    """Ask every lane for a top-up in the same turn of the event loop."""
    return await asyncio.gather(
        *(lane.submit(top_up(f"{key}-{lane.partition}", lane.partition)) for lane in lanes)
    )


def quiet(_done: int, _total: int) -> None:
    return


async def wrong(ledger: Databases) -> list[Finding]:
    return [finding async for finding in check(ledger.admin_dsn, quiet, 1)]


async def test_what_is_ready_together_is_one_commit_and_a_link_for_each_partition(
    ledger: Databases, lanes: list[Lane], admin: asyncpg.Connection
) -> None:
    answers = await together(lanes, "first")

    assert [json.loads(a.body)["ledger_position"] for a in answers] == ["0-1", "1-1", "2-1"]
    assert (await admin.fetchval(COMMITS), await admin.fetchval(LINKS)) == (1, 3)
    for n in range(5):
        await together(lanes, f"more-{n}")
    assert (await admin.fetchval(EVENTS), await admin.fetchval(LINKS)) == (18, 18)
    assert await wrong(ledger) == []


async def test_wallets_that_nobody_has_in_memory_are_read_for_all_at_once(
    lanes: list[Lane], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[int]] = []
    load_wallets = store.load_wallets

    async def told(connection: Any, named: Sequence[tuple[int, str]]) -> Any:
        asked.append(sorted(partition for partition, _ in named))
        return await load_wallets(connection, named)

    monkeypatch.setattr("wallet_ledger.loading.store.load_wallets", told)
    await together(lanes, "first")
    await together(lanes, "second")

    assert asked == [[0, 1, 2]]


async def test_the_wallets_of_the_next_group_are_read_while_one_is_written(
    ledger: Databases,
    lanes: list[Lane],
    admin: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await together(lanes, "first")
    read = asyncio.Event()
    load_wallets = store.load_wallets

    async def told(connection: Any, named: Sequence[tuple[int, str]]) -> Any:
        found = await load_wallets(connection, named)
        read.set()
        return found

    monkeypatch.setattr("wallet_ledger.loading.store.load_wallets", told)
    async with admin.transaction():
        await admin.execute(HOLD_COUNTER)
        slow = asyncio.create_task(lanes[0].submit(top_up("slow", 0)))
        await asyncio.sleep(0.05)
        behind = asyncio.create_task(lanes[0].submit(top_up_of(OTHER_WALLET, "behind")))
        await asyncio.wait_for(read.wait(), 60)
        assert not slow.done()

    assert [answer.status for answer in await asyncio.gather(slow, behind)] == [201] * 2
    assert await wrong(ledger) == []


async def test_a_wallet_in_memory_does_not_wait_for_one_that_is_read(
    ledger: Databases, lanes: list[Lane], monkeypatch: pytest.MonkeyPatch
) -> None:
    await together(lanes, "first")
    may_read = asyncio.Event()
    load_wallets = store.load_wallets

    async def held_up(connection: Any, named: Sequence[tuple[int, str]]) -> Any:
        await may_read.wait()
        return await load_wallets(connection, named)

    monkeypatch.setattr("wallet_ledger.loading.store.load_wallets", held_up)
    cold = [
        asyncio.create_task(lanes[0].submit(top_up_of(OTHER_WALLET, f"cold-{n}"))) for n in (1, 2)
    ]
    await asyncio.sleep(0.05)
    for n in range(3):
        warm = await asyncio.wait_for(lanes[0].submit(top_up(f"warm-{n}", 0)), 60)
        assert warm.status == 201
    assert not any(task.done() for task in cold)
    may_read.set()

    answers = await asyncio.gather(*cold)
    assert [json.loads(answer.body)["balance"] for answer in answers] == [100, 200]
    assert await wrong(ledger) == []


async def test_wallets_that_cannot_be_read_together_are_read_by_their_lane(
    ledger: Databases, lanes: list[Lane], monkeypatch: pytest.MonkeyPatch
) -> None:
    await together(lanes, "first")
    load_wallets, calls = store.load_wallets, list[int]()

    async def fails_once(connection: Any, named: Sequence[tuple[int, str]]) -> Any:
        calls.append(len(named))
        if len(calls) == 1:
            raise ConnectionResetError
        return await load_wallets(connection, named)

    monkeypatch.setattr("wallet_ledger.loading.store.load_wallets", fails_once)

    answer = await lanes[0].submit(top_up_of(OTHER_WALLET, "cold"))

    assert (answer.status, len(calls)) == (201, 2)
    assert await wrong(ledger) == []


async def test_the_next_convoy_leaves_before_those_of_the_last_one_are_told(
    lanes: list[Lane], monkeypatch: pytest.MonkeyPatch
) -> None:
    await together(lanes, "first")
    said: list[str] = []
    left, may_arrive = asyncio.Event(), asyncio.Event()
    append_groups = store.append_groups

    async def held_up(connection: Any, groups: Any) -> None:
        said.append("left")
        left.set()
        await may_arrive.wait()
        await append_groups(connection, groups)

    monkeypatch.setattr("wallet_ledger.convoy.store.append_groups", held_up)
    first = [lane.put([top_up(f"one-{lane.partition}", lane.partition)])[0] for lane in lanes]
    for answer in first:
        answer.add_done_callback(lambda _: said.append("told"))
    await left.wait()
    second = asyncio.create_task(together(lanes, "two"))
    await asyncio.sleep(0.05)
    may_arrive.set()
    await asyncio.gather(*first)
    await second

    assert said == ["left", "left", "told", "told", "told"]


async def test_whoever_is_refused_falls_alone_and_the_others_are_written(
    ledger: Databases, lanes: list[Lane], admin: asyncpg.Connection
) -> None:
    await admin.execute(REFUSE_BAD)

    answers = await asyncio.gather(
        lanes[0].submit(top_up("good", 0)),
        lanes[1].submit(top_up("bad", 1)),
        lanes[2].submit(top_up("fine", 2)),
        return_exceptions=True,
    )

    assert [isinstance(answer, Answer) for answer in answers] == [True, False, True]
    assert await admin.fetchval(EVENTS) == 2
    assert await wrong(ledger) == []


async def test_a_partition_that_was_taken_over_does_not_hold_up_the_others(
    ledger: Databases, lanes: list[Lane], admin: asyncpg.Connection
) -> None:
    await together(lanes, "first")
    await store.raise_epoch(admin, 1)  # somebody else's now, and nobody has told

    answers = await together(lanes, "second")  # the lease is still ours: it takes a new epoch

    assert [answer.status for answer in answers] == [201] * 3
    assert await admin.fetchval(EVENTS) == 6
    assert await wrong(ledger) == []


async def test_a_group_that_holds_money_goes_alone_beside_the_others(
    ledger: Databases, lanes: list[Lane], admin: asyncpg.Connection
) -> None:
    await together(lanes, "first")
    hold = PlaceHold("p", "o", (("kantin", 60),), 3_600)

    answers = await asyncio.gather(
        lanes[0].submit(order("hold", 0, hold)),
        lanes[1].submit(order("spend", 1, Redeem(KANTIN, 100))),
        lanes[2].submit(order("save", 2, TopUpWithCash(KANTIN, 1))),
    )

    assert [answer.status for answer in answers] == [201] * 3
    assert await admin.fetchval("SELECT count(*) FROM view.payment WHERE state = 'held'") == 1
    assert await wrong(ledger) == []


async def test_a_slow_commit_does_not_hold_up_the_others(
    ledger: Databases, lanes: list[Lane], admin: asyncpg.Connection
) -> None:
    await together(lanes, "first")
    async with admin.transaction():
        await admin.execute(HOLD_COUNTER)
        slow = [asyncio.create_task(lanes[n].submit(top_up(f"slow-{n}", n))) for n in (0, 1)]
        await asyncio.sleep(0.05)  # these two are one commit, which waits for partition 0

        quick = await asyncio.wait_for(lanes[2].submit(top_up("quick", 2)), 60)

        assert quick.status == 201
        assert not any(task.done() for task in slow)
    assert [answer.status for answer in await asyncio.gather(*slow)] == [201, 201]
    assert await wrong(ledger) == []


@pytest.mark.parametrize("moment", ["before", "during"])
async def test_a_connection_lost_in_the_commit_of_many_neither_loses_nor_doubles(
    ledger: Databases, lanes: list[Lane], admin: asyncpg.Connection, moment: str
) -> None:
    kill = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE query LIKE '%append_groups%' AND pid <> pg_backend_pid()"
    )

    async def killer() -> int:
        killed = 0
        for _ in range(10):
            await asyncio.sleep(0.03 if moment == "during" else 0)
            killed += len(await admin.fetch(kill))
        return killed

    async def steady(act: Callable[[int], Awaitable[list[Answer]]]) -> list[Answer]:
        return [answer for n in range(30) for answer in await act(n)]

    answers, killed = await asyncio.gather(steady(lambda n: together(lanes, f"k{n}")), killer())

    assert {answer.status for answer in answers} == {201}
    assert moment == "before" or killed > 0
    assert await admin.fetchval(EVENTS) == 90
    last = await together(lanes, "last")
    assert [json.loads(answer.body)["balance"] for answer in last] == [3_100] * 3
    assert await wrong(ledger) == []


ENDED = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
    AND (query LIKE '%append_groups%' OR query LIKE '%unnest($1::smallint[], $2::text[])%')
"""


async def test_connections_that_ended_while_nobody_used_them_are_made_again(
    ledger: Databases, lanes: list[Lane], admin: asyncpg.Connection
) -> None:
    await together(lanes, "first")
    assert len(await admin.fetch(ENDED)) == 2  # the convoy's and the loader's
    await asyncio.sleep(0.1)
    for lane in lanes:
        lane._turn.wallets.clear()  # pyright: ignore[reportPrivateUsage, reportOptionalMemberAccess]

    answers = await together(lanes, "second")

    assert [json.loads(answer.body)["balance"] for answer in answers] == [200] * 3
    assert (await admin.fetchval(COMMITS), await admin.fetchval(LINKS)) == (2, 6)
    assert await wrong(ledger) == []


async def test_lanes_write_alone_where_there_is_no_connection_for_a_convoy(
    ledger: Databases, lanes: list[Lane], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: Any, **__: Any) -> Any:
        raise asyncpg.TooManyConnectionsError("sorry, too many clients already")

    monkeypatch.setattr("wallet_ledger.own_connection.asyncpg.connect", refuse)

    answers = await together(lanes, "first")

    assert [answer.status for answer in answers] == [201] * 3
    assert all(lane.owned for lane in lanes)
    monkeypatch.undo()
    assert await wrong(ledger) == []


async def test_a_repeat_within_a_convoy_gets_the_first_answer(
    lanes: list[Lane], admin: asyncpg.Connection
) -> None:
    first = await together(lanes, "k")

    for lane in lanes:  # what was answered lately is forgotten: the primary key must tell
        lane._turn.recent.clear()  # pyright: ignore[reportPrivateUsage, reportOptionalMemberAccess]
    again = await together(lanes, "k")

    assert [(a.status, a.body) for a in again] == [(a.status, a.body) for a in first]
    assert all(answer.replayed for answer in again)
    assert await admin.fetchval(EVENTS) == 3


WRONG_CALLS = {
    "an older epoch": ([0, 1], [0, -1], [1, 1], log.FENCED),
    "another position": ([0, 1], [0, 0], [1, 2], log.OTHER_POSITION),
    "a partition that is not there": ([0, 99], [0, 0], [1, 1], "KB004"),
}
"""Partitions, epochs from the newest on, first positions, and how it is refused."""


@pytest.mark.parametrize("name", WRONG_CALLS)
async def test_a_wrong_call_writes_nothing_at_all(ledger: Databases, name: str) -> None:
    partitions, ages, firsts, state = WRONG_CALLS[name]
    connection = await asyncpg.connect(ledger.app_dsn)
    try:
        raised = [await store.raise_epoch(connection, partition) for partition in (0, 1)]
        epochs = [epoch + age for (epoch, _), age in zip(raised, ages, strict=True)]
        with pytest.raises(asyncpg.PostgresError) as refused:
            await connection.execute(
                store.APPEND_GROUPS,
                *(partitions, epochs, firsts, [0, 0], [log.EMPTY_ROOT] * 2),
                *(["c"], ["k"], [b"f"], [409], [b"{}"]),
                *[NOTHING] * 5,
                *([0], ["w"], [1], ["{kantin}"], ["{5}"]),
            )
        left = await connection.fetchval(
            "SELECT (SELECT count(*) FROM log.outcome) + (SELECT count(*) FROM view.wallet)"
        )
    finally:
        await connection.close()

    assert (getattr(refused.value, "sqlstate", None), left) == (state, 0)


async def test_events_that_no_partition_counts_are_refused(ledger: Databases) -> None:
    connection = await asyncpg.connect(ledger.app_dsn)
    try:
        epoch, _ = await store.raise_epoch(connection, 0)
        with pytest.raises(asyncpg.PostgresError, match="do not fit together"):
            await connection.execute(
                store.APPEND_GROUPS,
                *([0], [epoch], [1], [1], [bytes(32)]),
                *[NOTHING] * 5,
                *[NOTHING] * 5,
                *[NOTHING] * 5,
            )
    finally:
        await connection.close()

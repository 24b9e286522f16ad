"""All or none over several partitions, on plain PostgreSQL: whatever the database refuses."""

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime

import asyncpg
import pytest

from events.envelope import Cause
from events.finding import Finding
from events.log import partition_of
from kembalian.grounds.databases import Databases
from wallet_ledger import store
from wallet_ledger.answers import Answer
from wallet_ledger.atomic import write_all_or_none
from wallet_ledger.checking import check
from wallet_ledger.config import PARTITIONS
from wallet_ledger.domain import Command, Redeem, Till, TopUpWithCash
from wallet_ledger.group import Order
from wallet_ledger.lane import Lane
from wallet_ledger.testing.lanes import owned, writing
from web.problems import Problem

KANTIN = Till("1000", "kantin", "kasir-1")
WALLETS = [
    next(f"w{n}" for n in range(500) if partition_of(f"w{n}", PARTITIONS) == partition)
    for partition in range(PARTITIONS)
]
STANDS = """
SELECT (SELECT count(*) FROM log.event), (SELECT count(*) FROM log.link),
    (SELECT count(*) FROM log.outcome), (SELECT coalesce(sum(balance), 0) FROM view.bucket),
    (SELECT sum(position) FROM log.counter)
"""
FAIL_IN_THE_SECOND = """
CREATE FUNCTION log.late() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF NEW.key = 'batch-1' THEN {statement}; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER late BEFORE INSERT ON log.outcome FOR EACH ROW EXECUTE FUNCTION log.late();
"""
FAULTS = {
    "refused": "RAISE unique_violation",
    "not possible now": "RAISE serialization_failure",
    "the connection ends": "PERFORM pg_terminate_backend(pg_backend_pid())",
}


@pytest.fixture
async def lanes(ledger: Databases) -> AsyncGenerator[list[Lane]]:
    """A process that writes all partitions; each wallet has 100."""
    async with writing(ledger.app_dsn, *range(PARTITIONS)) as lanes:
        await owned(lanes)
        first = [order(f"first-{n}", n, TopUpWithCash(KANTIN, 100)) for n in range(PARTITIONS)]
        await asyncio.gather(*(lanes[n].submit(each) for n, each in enumerate(first)))
        yield lanes


def order(key: str, partition: int, command: Command) -> Order:
    return Order("channel:bank", key, b"body", WALLETS[partition], command, Cause("test"))


def batch() -> list[Order]:
    """Spend 60 of every 100: what is done twice is refused."""
    return [order(f"batch-{n}", n, Redeem(KANTIN, 60)) for n in range(PARTITIONS)]


async def ask(lanes: Sequence[Lane]) -> list[Answer]:
    return await write_all_or_none(lanes, batch(), datetime.now(UTC))


async def is_done_once(ledger: Databases, lanes: Sequence[Lane]) -> None:
    """Ask again as a channel does that was told 503, and once more."""
    await owned(lanes)
    done = await ask(lanes)
    again = await ask(lanes)

    assert [(answer.status, answer.replayed) for answer in done] == [(201, False)] * PARTITIONS
    assert {json.loads(answer.body)["balance"] for answer in done} == {40}
    assert [answer.body for answer in again] == [answer.body for answer in done]
    left = [order(f"left-{n}", n, Redeem(KANTIN, 40)) for n in range(PARTITIONS)]
    spent = await asyncio.gather(*(lanes[n].submit(each) for n, each in enumerate(left)))
    assert {json.loads(answer.body)["balance"] for answer in spent} == {0}
    assert await wrong(ledger) == []


async def wrong(ledger: Databases) -> list[Finding]:
    return [finding async for finding in check(ledger.admin_dsn, lambda _, __: None, 1)]


@pytest.mark.parametrize("fault", FAULTS)
async def test_what_fails_in_the_second_partition_leaves_nothing_in_the_first(
    ledger: Databases, lanes: list[Lane], admin: asyncpg.Connection, fault: str
) -> None:
    await admin.execute(FAIL_IN_THE_SECOND.format(statement=FAULTS[fault]))
    before = await admin.fetchrow(STANDS)

    with pytest.raises(Problem) as told:
        await ask(lanes)

    assert told.value.status_code == 503
    assert await admin.fetchrow(STANDS) == before
    await admin.execute("DROP TRIGGER late ON log.outcome")
    await is_done_once(ledger, lanes)


async def test_a_second_partition_that_was_taken_over_leaves_nothing_in_the_first(
    ledger: Databases, lanes: list[Lane], admin: asyncpg.Connection
) -> None:
    await store.raise_epoch(admin, 1)  # somebody else's now, and nobody has told
    before = await admin.fetchrow(STANDS)

    with pytest.raises(Problem) as told:
        await ask(lanes)

    assert told.value.status_code == 503
    assert await admin.fetchrow(STANDS) == before
    await is_done_once(ledger, lanes)


async def test_a_refusal_is_not_told_by_who_was_overtaken(
    ledger: Databases, lanes: list[Lane], admin: asyncpg.Connection
) -> None:
    await store.raise_epoch(admin, 1)
    poor = [*batch(), order("poor", 1, Redeem(KANTIN, 60))]

    with pytest.raises(Problem) as told:
        await write_all_or_none(lanes, poor, datetime.now(UTC))
    await owned(lanes)
    refused = await write_all_or_none(lanes, poor, datetime.now(UTC))

    assert told.value.status_code == 503
    assert [answer.status for answer in refused] == [201] * PARTITIONS + [409]
    await is_done_once(ledger, lanes)

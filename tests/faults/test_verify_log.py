"""Faults planted in a copy of a log: `verify` names invariant, partition, position and stream."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from events.contracts.base import Allocation, Posting
from events.contracts.wallet import ChangeRedeemed
from kembalian.operators import reading
from kembalian.operators.live import LiveRun
from kembalian.operators.verify import run_verify
from kembalian.testing.copies import spoilt
from kembalian.testing.plants import Where, append, change_body, inside
from kembalian.testing.refill import refilled

LEDGER = "wallet-ledger"

SMALL_BUCKET = """
SELECT b.partition, b.wallet_id, b.issuer, b.balance, w.balance FROM view.bucket b
JOIN (SELECT wallet_id, sum(balance)::bigint AS balance FROM view.bucket GROUP BY wallet_id) AS w
    USING (wallet_id)
WHERE w.balance > b.balance + 10 ORDER BY b.wallet_id, b.balance LIMIT 1
"""
FORGET_ANSWER = """
DELETE FROM log.outcome
WHERE status = 201 AND convert_from(answer, 'UTF8')::jsonb ->> 'event_id' = $1
"""
DOUBLE_ANSWER = """
INSERT INTO log.outcome
SELECT caller, key || '-2', fingerprint, status, answer FROM log.outcome
WHERE status = 201 AND convert_from(answer, 'UTF8')::jsonb ->> 'event_id' = $1
"""

Plant = Callable[[asyncpg.Connection], Awaitable[Where]]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is behind for ever, in a copy, is waited for a moment only."""
    monkeypatch.setattr(reading, "PATIENCE_SECONDS", 0.3)


async def found_in(run: LiveRun) -> set[Where]:
    """Return where `verify` finds something."""
    report = await run_verify(run, lambda _step: lambda _done, _total: None)
    return {Where.of(finding) for finding in report.findings}


async def test_nothing_is_found_in_the_untouched_copy(originals: LiveRun) -> None:
    assert await found_in(originals) == set()


async def postings_that_do_not_sum_to_zero(connection: asyncpg.Connection) -> Where:
    event = await inside(connection, "TopUp")

    def change(data: dict[str, Any]) -> None:
        data["postings"][0]["amount"] += 1

    await change_body(connection, event, change, chained=True)
    return Where(1, LEDGER, event["partition"], event["position"], event["stream"])


async def a_bucket_overdrawn(connection: asyncpg.Connection) -> Where:
    """Spend 10 more of one bucket than it holds, out of a wallet that has enough in all."""
    row = await connection.fetchrow(SMALL_BUCKET)
    assert row is not None
    partition, wallet_id, issuer, least, balance = row.values()
    amount = least + 10
    event = ChangeRedeemed(
        wallet_id=wallet_id,
        card_number="1000",
        store_id=issuer,
        cashier_id="nobody",
        balance=balance - amount,
        postings=(
            Posting(account=f"wallet:{wallet_id}:{issuer}", amount=-amount),
            Posting(account=f"store:{issuer}:redeemed", amount=amount),
        ),
        amount=amount,
        allocations=(Allocation(issuer=issuer, amount=amount),),
    )
    position = await append(connection, partition, wallet_id, event)
    await connection.execute("ALTER TABLE view.bucket DROP CONSTRAINT bucket_balance_check")
    await connection.execute(
        "UPDATE view.bucket SET balance = -10 WHERE wallet_id = $1 AND issuer = $2",
        wallet_id,
        issuer,
    )
    return Where(2, LEDGER, partition, position, wallet_id)


async def a_balance_that_is_said_wrongly(connection: asyncpg.Connection) -> Where:
    event = await inside(connection, "ChangeSaved")

    def change(data: dict[str, Any]) -> None:
        data["balance"] += 1

    await change_body(connection, event, change, chained=True)
    return Where(3, LEDGER, event["partition"], event["position"], event["stream"])


async def allocations_that_do_not_sum_to_the_amount(connection: asyncpg.Connection) -> Where:
    event = await inside(connection, "ChangeRedeemed")

    def change(data: dict[str, Any]) -> None:
        data["amount"] += 1

    await change_body(connection, event, change, chained=True)
    return Where(4, LEDGER, event["partition"], event["position"], event["stream"])


async def an_answer_without_its_event(connection: asyncpg.Connection) -> Where:
    answer = {"event_id": "01990000-0000-7000-8000-000000000000", "ledger_position": "3-999"}
    await connection.execute(
        "INSERT INTO log.outcome VALUES ('cashier:x', 'k', '', 201, $1)",
        json.dumps(answer).encode(),
    )
    return Where(8, LEDGER, 3, 999, None)


async def an_event_without_its_answer(connection: asyncpg.Connection) -> Where:
    event = await inside(connection, "TopUp")
    event_id = json.loads(event["body"])["id"]
    done = await connection.execute(FORGET_ANSWER, event_id)
    assert done == "DELETE 1"
    return Where(8, LEDGER, event["partition"], event["position"], event["stream"])


async def two_answers_for_one_event(connection: asyncpg.Connection) -> Where:
    event = await inside(connection, "TopUp")
    event_id = json.loads(event["body"])["id"]
    done = await connection.execute(DOUBLE_ANSWER, event_id)
    assert done == "INSERT 0 1"
    return Where(8, LEDGER, event["partition"], event["position"], event["stream"])


async def a_hole_in_the_positions(connection: asyncpg.Connection) -> Where:
    event = await inside(connection, "TopUp")
    await connection.execute(
        "DELETE FROM log.event WHERE partition = $1 AND position = $2",
        event["partition"],
        event["position"],
    )
    return Where(9, LEDGER, event["partition"], event["position"], None)


async def a_hole_in_the_versions(connection: asyncpg.Connection) -> Where:
    row = await connection.fetchrow(
        "UPDATE log.event e SET version = version + 1 WHERE (partition, position) ="
        " (SELECT partition, max(position) FROM log.event GROUP BY 1 ORDER BY 1 LIMIT 1)"
        " RETURNING partition, position, stream"
    )
    assert row is not None
    return Where(9, LEDGER, row[0], row[1], row[2])


async def the_last_event_deleted(connection: asyncpg.Connection) -> Where:
    row = await connection.fetchrow(
        "DELETE FROM log.event WHERE (partition, position) ="
        " (SELECT partition, max(position) FROM log.event GROUP BY 1 ORDER BY 1 LIMIT 1)"
        " RETURNING partition, position"
    )
    assert row is not None
    return Where(9, LEDGER, row[0], row[1], None)


async def a_tail_cut_off_with_its_links(connection: asyncpg.Connection) -> Where:
    """Cut the log so that counter, links and events agree: Kafka and the kept answers know."""
    cut = await connection.fetchrow(
        "SELECT partition, max(first_position) AS first FROM log.link GROUP BY 1 ORDER BY 1 LIMIT 1"
    )
    assert cut is not None
    where = tuple(cut.values())
    await connection.execute(
        "DELETE FROM log.event WHERE partition = $1 AND position >= $2", *where
    )
    await connection.execute(
        "DELETE FROM log.link WHERE partition = $1 AND first_position >= $2", *where
    )
    await connection.execute(
        "UPDATE log.counter SET position = $2 - 1, link = (SELECT link FROM log.link"
        " WHERE partition = $1 ORDER BY first_position DESC LIMIT 1) WHERE partition = $1",
        *where,
    )
    return Where(10, LEDGER, cut["partition"], cut["first"], None)


async def a_changed_body(connection: asyncpg.Connection) -> Where:
    event = await inside(connection, "TopUp")

    def change(data: dict[str, Any]) -> None:
        data["cashier_id"] += "x"

    await change_body(connection, event, change, chained=False)
    first = await connection.fetchval(
        "SELECT max(first_position) FROM log.link WHERE partition = $1 AND first_position <= $2",
        event["partition"],
        event["position"],
    )
    return Where(9, LEDGER, event["partition"], first, None)


async def a_changed_body_that_kafka_knows_better(connection: asyncpg.Connection) -> Where:
    event = await inside(connection, "TopUp")

    def change(data: dict[str, Any]) -> None:
        data["cashier_id"] += "x"

    await change_body(connection, event, change, chained=True)
    return Where(10, LEDGER, event["partition"], event["position"], event["stream"])


async def a_body_that_nobody_can_read(connection: asyncpg.Connection) -> Where:
    event = await inside(connection, "TopUp")
    await connection.execute(
        "UPDATE log.event SET body = 'x' WHERE partition = $1 AND position = $2",
        event["partition"],
        event["position"],
    )
    return Where(9, LEDGER, event["partition"], event["position"], event["stream"])


async def a_changed_link(connection: asyncpg.Connection) -> Where:
    event = await inside(connection, "TopUp")
    row = await connection.fetchrow(
        "UPDATE log.link SET link = sha256('x') WHERE partition = $1 AND first_position ="
        " (SELECT max(first_position) FROM log.link WHERE partition = $1 AND first_position <= $2)"
        " RETURNING partition, first_position",
        event["partition"],
        event["position"],
    )
    assert row is not None
    return Where(9, LEDGER, row[0], row[1], None)


async def a_changed_time(connection: asyncpg.Connection) -> Where:
    event = await inside(connection, "TopUp")
    await connection.execute(
        "UPDATE log.event SET recorded_at = recorded_at + interval '1 us'"
        " WHERE partition = $1 AND position = $2",
        event["partition"],
        event["position"],
    )
    return Where(9, LEDGER, event["partition"], event["position"], event["stream"])


@pytest.mark.parametrize(
    "plant",
    [
        postings_that_do_not_sum_to_zero,
        a_bucket_overdrawn,
        a_balance_that_is_said_wrongly,
        allocations_that_do_not_sum_to_the_amount,
        an_answer_without_its_event,
        an_event_without_its_answer,
        two_answers_for_one_event,
        a_hole_in_the_positions,
        a_hole_in_the_versions,
        the_last_event_deleted,
        a_tail_cut_off_with_its_links,
        a_changed_body,
        a_changed_body_that_kafka_knows_better,
        a_body_that_nobody_can_read,
        a_changed_link,
        a_changed_time,
    ],
)
async def test_a_fault_in_the_ledgers_log_is_named(originals: LiveRun, plant: Plant) -> None:
    async with spoilt(originals, LEDGER) as (run, connection):
        planted = await plant(connection)
        found = await found_in(run)

    assert planted in found


@pytest.mark.parametrize(
    ("plant", "invariants"),
    [(postings_that_do_not_sum_to_zero, {1}), (a_bucket_overdrawn, {2})],
)
async def test_a_forgery_that_all_others_agree_on_is_named_by_its_invariant(
    originals: LiveRun, tmp_path: Path, plant: Plant, invariants: set[int]
) -> None:
    async with spoilt(originals, LEDGER) as (copy, connection):
        planted = await plant(connection)
        async with refilled(copy, tmp_path) as run:
            found = await found_in(run)

    assert planted in found
    assert {where.invariant for where in found} == invariants


@pytest.mark.parametrize("service", ["identity", "catalog"])
async def test_a_hole_in_another_log_is_named(originals: LiveRun, service: str) -> None:
    async with spoilt(originals, service) as (run, connection):
        await connection.execute("DELETE FROM log.event WHERE position = 2")
        found = await found_in(run)

    assert Where(9, service, 0, 2, None) in found

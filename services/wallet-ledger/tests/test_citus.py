"""The ledger on Citus, distributed by deploy/citus: what holds on one node holds there."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Generator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from events import log, outcomes
from events.envelope import Cause
from events.log import partition_of
from events.outcomes import Outcome
from events.place import Place
from kembalian.grounds.databases import Databases
from kembalian.testing.citus import APP, OWNER, Citus, distributed_ledger, migrated_ledger
from wallet_ledger import claims, queries
from wallet_ledger.answers import Answer
from wallet_ledger.atomic import write_all_or_none
from wallet_ledger.config import PARTITIONS
from wallet_ledger.domain import Redeem, Till, TopUpWithCash
from wallet_ledger.group import Order
from wallet_ledger.lane import Lane
from wallet_ledger.testing.lanes import owned, writing

pytestmark = [pytest.mark.xdist_group("citus"), pytest.mark.timeout(300)]

KANTIN = Till("1000", "kantin", "kasir-1")
WALLETS = {
    n: next(f"w{i}" for i in range(1000) if partition_of(f"w{i}", PARTITIONS) == n)
    for n in range(PARTITIONS)
}
DENSE = """
SELECT e.partition, count(*), max(e.position), max(c.position) FROM log.event e
JOIN log.counter c ON c.partition = e.partition GROUP BY e.partition
"""
SHARDS = """
SELECT table_name::text || '_' || shardid, nodename, nodeport FROM citus_shards
WHERE table_name = ANY ('{log.event,log.link,log.outcome,log.claim}'::regclass[])
"""
TRIGGERS = "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname LIKE 'append_only%'"
PUBLIC = """
SELECT p.proname FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
WHERE p.pronamespace = 'log'::regnamespace AND a.grantee = 0 AND a.privilege_type = 'EXECUTE'
"""


@pytest.fixture(scope="module")
def ledger(citus: Citus) -> Generator[Databases]:
    with distributed_ledger(citus) as databases:
        yield databases


@asynccontextmanager
async def process(ledger: Databases, *partitions: int) -> AsyncGenerator[dict[int, Lane]]:
    """What of a process writes `partitions`."""
    async with writing(ledger.app_dsn, *partitions) as lanes:
        await owned(lanes)
        yield {lane.partition: lane for lane in lanes}


@asynccontextmanager
async def connected(dsn: str) -> AsyncGenerator[asyncpg.Connection]:
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


def top_up(key: str, partition: int, amount: int = 5, mark: bytes = b"body") -> Order:
    command = TopUpWithCash(KANTIN, amount)
    return Order("cashier:kasir-1", key, mark, WALLETS[partition], command, Cause("test"))


def told(answer: Answer) -> dict[str, Any]:
    return json.loads(answer.body)


async def test_positions_are_dense_in_every_partition(ledger: Databases) -> None:
    async with process(ledger, *range(PARTITIONS)) as lanes:
        orders = [top_up(f"dense-{n}", n % PARTITIONS) for n in range(200)]
        answers = await asyncio.gather(*(lanes[n % 8].submit(o) for n, o in enumerate(orders)))

    assert {answer.status for answer in answers} == {201}
    async with connected(ledger.app_dsn) as connection:
        rows = await connection.fetch(DENSE)
        heads = await log.heads(connection)
        view = await queries.wallet_at(connection, 3, WALLETS[3], heads.at(3))
    assert len(rows) == PARTITIONS
    assert all(count == last == head for _, count, last, head in rows)
    assert view.wallet.balance == 5 * 25


async def test_an_append_is_one_statement_on_one_worker_and_commits_there(
    ledger: Databases, citus: Citus
) -> None:
    said: list[str] = []
    async with process(ledger, 2) as lanes:
        lane = lanes[2]
        await lane.submit(top_up("warm", 2))
        async with lane.lent() as turn:
            turn.connection.add_log_listener(lambda _, notice: said.append(str(notice)))
            await turn.connection.execute("SET citus.log_remote_commands = on")
            await turn.connection.execute("SET client_min_messages = notice")
        await lane.submit(top_up("watched", 2))
        await asyncio.sleep(0.1)

    appends = [line for line in said if re.search(r"log\.append_group", line)]
    claimed = [line for line in said if re.search(r"INSERT INTO log\.claim", line)]
    assert (len(appends), len(claimed)) == (1, 1), said
    assert not [line for line in said if "PREPARE TRANSACTION" in line or "BEGIN" in line], said


async def test_an_older_epoch_and_another_position_are_refused(ledger: Databases) -> None:
    async with connected(ledger.app_dsn) as old, connected(ledger.app_dsn) as new:
        raise_epoch = 'SELECT epoch, "position" FROM log.raise_epoch($1)'
        epoch, position = await old.fetchrow(raise_epoch, 5) or (0, 0)
        outcome = [Outcome("fence", "k", b"f", 409, b"{}")]
        newer, _ = await new.fetchrow(raise_epoch, 5) or (0, 0)
        assert newer == epoch + 1
        with pytest.raises(asyncpg.PostgresError) as fenced:
            await log.append(old, 5, [], outcome, epoch=epoch, first_position=position + 1)
        with pytest.raises(asyncpg.PostgresError) as elsewhere:
            await log.append(new, 5, [], outcome, epoch=newer, first_position=position + 9)
        await log.append(new, 5, [], outcome, epoch=newer, first_position=position + 1)

        assert getattr(fenced.value, "sqlstate", None) == log.FENCED
        assert getattr(elsewhere.value, "sqlstate", None) == log.OTHER_POSITION
        assert await outcomes.find_all(old, [("fence", "k")])


async def test_a_key_for_a_wallet_of_another_partition_is_refused(ledger: Databases) -> None:
    async with process(ledger, 0, 1) as lanes:
        first = await lanes[0].submit(top_up("reused", 0, mark=b"a"))
        other = await lanes[1].submit(top_up("reused", 1, mark=b"b"))
        same_mark = await lanes[1].submit(top_up("reused", 1, mark=b"a"))
    async with process(ledger, 0, 1) as lanes:  # nothing of it in memory
        again = await lanes[0].submit(top_up("reused", 0, mark=b"a"))
        still = await lanes[1].submit(top_up("reused", 1, mark=b"b"))

    assert (first.status, again.status, again.replayed) == (201, 201, True)
    assert again.body == first.body
    for refused in (other, still):
        assert refused.status == 422
        assert told(refused)["type"] == "/problems/idempotency-key-reused"
    # no client can send that: the mark covers path and body, which name the card
    assert (same_mark.body, same_mark.replayed) == (first.body, True)


async def test_a_key_in_two_partitions_at_once_counts_for_one(ledger: Databases) -> None:
    async with process(ledger, 0, 1) as lanes:
        for n in range(10):
            answers = await asyncio.gather(
                lanes[0].submit(top_up(f"race-{n}", 0, mark=b"a")),
                lanes[1].submit(top_up(f"race-{n}", 1, mark=b"b")),
                lanes[0].submit(top_up(f"neighbour-{n}", 0)),
            )
            assert sorted(answer.status for answer in answers) == [201, 201, 422]
            assert answers[2].status == 201


async def test_after_a_crash_between_claim_and_append_only_the_same_command_goes_on(
    ledger: Databases,
) -> None:
    orphan = Outcome("cashier:kasir-1", "orphan", b"mine", 201, b"never written")
    async with connected(ledger.app_dsn) as connection:
        await claims.claim(connection, 4, [orphan])  # and there the process dies

    async with process(ledger, 4, 6) as lanes:
        elsewhere = await lanes[6].submit(top_up("orphan", 6, mark=b"other"))
        otherwise = await lanes[4].submit(top_up("orphan", 4, mark=b"other"))
        with_others = await asyncio.gather(
            lanes[4].submit(top_up("orphan", 4, mark=b"other")),
            lanes[4].submit(top_up("bystander", 4)),
        )
        same = await lanes[4].submit(top_up("orphan", 4, mark=b"mine"))
        late = await lanes[6].submit(top_up("orphan", 6, mark=b"other"))

    assert (elsewhere.status, otherwise.status) == (422, 422)
    assert [answer.status for answer in with_others] == [422, 201]
    assert (same.status, same.replayed) == (201, False)
    assert late.status == 422


async def test_a_refusal_is_kept_and_a_repeat_after_a_restart_is_the_same(
    ledger: Databases,
) -> None:
    redeem = Order("cashier:9", "poor", b"m", "nobody", Redeem(KANTIN, 10**9), Cause("test"))
    n = partition_of("nobody", PARTITIONS)
    async with process(ledger, n) as lanes:
        first = await lanes[n].submit(redeem)
    async with process(ledger, n) as lanes:
        again = await lanes[n].submit(redeem)

    assert (first.status, again.status, again.replayed) == (409, 409, True)
    assert first.body == again.body


async def test_an_atomic_batch_over_several_workers_is_all_or_none(ledger: Databases) -> None:
    async with process(ledger, *range(PARTITIONS)) as lanes:
        served = [lanes[n] for n in range(PARTITIONS)]
        good = [top_up(f"all-{n}", n) for n in range(PARTITIONS)]
        poor = Order("cashier:9", "none", b"m", WALLETS[7], Redeem(KANTIN, 10**9), Cause("test"))
        before = await queries_heads(ledger)
        refused = await write_all_or_none(served, [*good, poor], datetime.now(UTC))
        untouched = await queries_heads(ledger)
        done = await write_all_or_none(served, good, datetime.now(UTC))
        after = await queries_heads(ledger)

    assert {answer.status for answer in refused} == {201, 409}
    assert untouched == before
    assert {answer.status for answer in done} == {201}
    assert [after.at(n) - before.at(n) for n in range(PARTITIONS)] == [1] * PARTITIONS


async def queries_heads(ledger: Databases) -> Place:
    async with connected(ledger.app_dsn) as connection:
        return await log.heads(connection)


async def test_a_past_moment_is_the_same_place_whenever_it_is_asked(ledger: Databases) -> None:
    async with process(ledger, 3) as lanes, connected(ledger.app_dsn) as connection:
        await lanes[3].submit(top_up("past-1", 3))
        moment = await connection.fetchval("SELECT max(recorded_at) FROM log.event")
        then = await log.place_at(connection, moment)
        await lanes[3].submit(top_up("past-2", 3))

        assert await log.place_at(connection, moment) == then
        assert (await log.heads(connection)).at(3) == then.at(3) + 1
        with pytest.raises(log.FutureMoment):
            await log.place_at(connection, datetime.now(UTC) + timedelta(minutes=5))


async def test_wallets_and_balances_are_read_as_on_one_node(ledger: Databases) -> None:
    async with process(ledger, 1) as lanes:
        await lanes[1].submit(top_up("read", 1))
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(
            asyncpg.create_pool(ledger.app_dsn, min_size=1, max_size=2)
        )
        now = await queries.wallet_now(pool, 1, WALLETS[1])
        rows = await pool.fetch(queries.BALANCES, [WALLETS[1], WALLETS[3]])
    balances = {row["wallet_id"]: row["balance"] for row in rows}

    assert now.wallet.balance == balances[WALLETS[1]] > 0
    assert balances[WALLETS[3]] > 0


async def test_history_is_append_only_on_every_shard_wherever_it_was_moved(
    ledger: Databases, citus: Citus
) -> None:
    async with connected(ledger.admin_dsn) as connection:
        shards = [tuple(row) for row in await connection.fetch(SHARDS)]
    assert {(host, port) for _, host, port in shards} == set(citus.workers)
    for worker in citus.workers:
        mine = {name for name, *at in shards if tuple(at) == worker}
        async with (
            connected(citus.at(worker, ledger.name, OWNER)) as owner,
            connected(citus.at(worker, ledger.name, APP)) as app,
        ):
            for role in (owner, app):  # as somebody would who knows where the rows lie
                await role.execute("SET citus.enable_manual_changes_to_shards = on")
            await owner.execute("SET citus.override_table_visibility = off")
            assert mine <= {row[0] for row in await owner.fetch(TRIGGERS)}
            for name in sorted(mine)[::7]:
                for change in (f"DELETE FROM {name}", f"UPDATE {name} SET partition = 0"):  # noqa: S608
                    with pytest.raises(asyncpg.PostgresError, match="append-only"):
                        await owner.execute(change)
                    with pytest.raises(asyncpg.InsufficientPrivilegeError):
                        await app.execute(change)
                with pytest.raises(asyncpg.PostgresError, match="append-only"):
                    await owner.execute(f"TRUNCATE {name}")
            assert await owner.fetch(PUBLIC) == []


async def test_history_is_append_only_through_the_coordinator(ledger: Databases) -> None:
    async with connected(ledger.owner_dsn) as owner, connected(ledger.app_dsn) as app:
        for table in ("log.event", "log.link", "log.outcome", "log.claim"):
            for change in (f"DELETE FROM {table}", f"TRUNCATE {table}"):  # noqa: S608
                with pytest.raises(asyncpg.PostgresError, match="append-only"):
                    await owner.execute(change)
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await app.execute(change)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app.execute("INSERT INTO log.link (partition) VALUES (0)")


async def test_what_a_ledger_holds_when_it_is_distributed_stays(citus: Citus) -> None:
    with migrated_ledger(citus) as ledger:
        async with process(ledger, 0, 1) as lanes:
            before = await lanes[1].submit(top_up("before", 1))
            await lanes[0].submit(top_up("before-too", 0))
        await asyncio.to_thread(citus.join, ledger.name)
        await asyncio.to_thread(citus.distribute, ledger.name)

        async with process(ledger, 0, 1) as lanes:
            repeated = await lanes[1].submit(top_up("before", 1))
            reused = await lanes[0].submit(top_up("before", 0, mark=b"other"))
            after = await lanes[1].submit(top_up("after", 1))
        async with connected(ledger.app_dsn) as connection:
            heads = await log.heads(connection)
            links = await connection.fetchval("SELECT count(*) FROM log.link WHERE partition = 1")

    assert (repeated.body, repeated.replayed) == (before.body, True)
    assert (reused.status, after.status, told(after)["balance"]) == (422, 201, 10)
    assert (heads.at(0), heads.at(1), links) == (1, 2, 2)

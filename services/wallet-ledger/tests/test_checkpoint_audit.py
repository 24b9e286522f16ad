"""History changed by one who can do anything to the database: what is found, and where."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

import asyncpg
import pytest

from events.audit import audit_partition
from events.contracts.checkpoint import CheckpointSigned
from events.finding import Finding
from events.log import partition_of
from kembalian.testing.plants import chain_again
from kembalian.testing.signed import History, member
from wallet_ledger import checkpoint_log
from wallet_ledger.checkpoint_audit import NotACheckpoint, check_checkpoints, read_kept
from wallet_ledger.checkpoints import shown
from wallet_ledger.config import PARTITIONS
from wallet_ledger.growth import grown_again
from wallet_ledger.signing import new_key

HERE = partition_of(member(1), PARTITIONS)
CHECKPOINTS = checkpoint_log.PARTITION

SWAP = """
UPDATE log.event e SET body = o.body FROM log.event o
WHERE e.partition = o.partition AND e.position IN (5, 6) AND o.position = 11 - e.position
"""
CUT = """
DELETE FROM log.event WHERE partition < 1000 AND position > 6;
DELETE FROM log.link WHERE partition < 1000 AND first_position > 6;
UPDATE log.counter c SET position = 6, link = (
    SELECT link FROM log.link l WHERE l.partition = c.partition AND first_position = 5
) WHERE position = 8 AND partition < 1000
"""
CUT_CHECKPOINT = """
DELETE FROM log.event WHERE partition = 1000 AND position = 4;
DELETE FROM log.link WHERE partition = 1000 AND first_position = 4;
UPDATE log.counter SET position = 3, link = (
    SELECT link FROM log.link WHERE partition = 1000 AND first_position = 3
) WHERE partition = 1000
"""
FLIP = "UPDATE log.event SET body = set_byte(body, 300, get_byte(body, 300) # 1) WHERE "

Change = Callable[[asyncpg.Connection], Awaitable[object]]


class Seen(NamedTuple):
    """Where something was found."""

    invariant: int
    partition: int | None
    position: int | None


@pytest.fixture
async def three(history: History) -> list[CheckpointSigned]:
    """A history of commits of two events each: 1-2, signed, 3-4, 5-6, signed, 7-8, signed."""
    signer = history.signer()
    made: list[CheckpointSigned | None] = []
    for counts in ((2,), (2, 2), (2,)):
        await history.append(*counts)
        made.append(await signer.look())
    return [checkpoint for checkpoint in made if checkpoint is not None]


async def found(history: History, kept: CheckpointSigned | None = None) -> list[Finding]:
    """Return what a check of the logs and of the checkpoints finds."""
    async with (
        history.pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        of_log = audit_partition(connection, "wallet-ledger", HERE)
        of_checkpoints = check_checkpoints(connection, kept, lambda _done, _total: None)
        chained = [each async for each in of_log if isinstance(each, Finding)]
        return chained + [each async for each in of_checkpoints]


def seen(findings: list[Finding]) -> set[Seen]:
    return {Seen(each.invariant, each.partition, each.position) for each in findings}


def statement(sql: str) -> Change:
    async def change(connection: asyncpg.Connection) -> None:
        await connection.execute(sql)

    return change


async def rewritten(connection: asyncpg.Connection) -> None:
    """Tell event 5 otherwise, and chain all that follows again, as a forger with time would."""
    await connection.execute(FLIP + f"partition = {HERE} AND position = 5")
    await chain_again(connection, HERE)


async def one_inserted(connection: asyncpg.Connection) -> None:
    """Let commit 3-4 have been two commits, and chain again."""
    await connection.execute(
        "INSERT INTO log.link SELECT partition, 4, 1, recorded_at, root, link"
        " FROM log.link WHERE first_position = 3 AND partition < 1000;"
        "UPDATE log.link SET count = 1 WHERE first_position = 3 AND partition < 1000"
    )
    await chain_again(connection, HERE)


@pytest.mark.parametrize(
    ("change", "due"),
    [
        (statement(FLIP + "partition < 1000 AND position = 5"), Seen(9, HERE, 5)),
        (statement("DELETE FROM log.event WHERE position = 5"), Seen(9, HERE, 5)),
        (statement(SWAP), Seen(9, HERE, 5)),
        (statement("DELETE FROM log.link WHERE first_position = 5"), Seen(9, HERE, 3)),
        (statement(CUT), Seen(9, HERE, 7)),
        (rewritten, Seen(9, HERE, 3)),
        (one_inserted, Seen(9, HERE, 3)),
        (statement(FLIP + "partition = 1000 AND position = 3"), Seen(9, CHECKPOINTS, 3)),
        (statement(CUT + ";" + FLIP + "partition < 1000 AND position = 1"), Seen(9, HERE, 1)),
    ],
)
async def test_what_was_changed_is_found_with_its_first_place(
    history: History, three: list[CheckpointSigned], change: Change, due: Seen
) -> None:
    assert await found(history, three[1]) == []
    connection = await asyncpg.connect(history.databases.admin_dsn)
    await connection.execute("SET session_replication_role = replica")
    await change(connection)
    await connection.close()

    findings = await found(history)

    there = [each for each in seen(findings) if each.partition == due.partition]
    assert due == min(there, key=lambda each: each.position or 0), findings


async def test_a_tail_cut_with_its_checkpoints_is_found_by_who_kept_one(
    history: History, three: list[CheckpointSigned]
) -> None:
    await history.as_superuser(CUT, CUT_CHECKPOINT)

    assert await found(history) == [], "nobody inside can know"
    assert await found(history, three[1]) == [], "the second one still holds"
    assert seen(await found(history, three[2])) == {Seen(9, HERE, 7), Seen(9, CHECKPOINTS, None)}


async def test_a_history_signed_anew_by_the_house_is_found_by_who_kept_a_checkpoint(
    history: History, three: list[CheckpointSigned]
) -> None:
    await history.as_superuser(
        CUT,
        "TRUNCATE log.lease, view.tree_node",
        "DELETE FROM log.event WHERE partition = 1000",
        "DELETE FROM log.link WHERE partition = 1000",
        "UPDATE log.counter SET position = 0, link = decode(repeat('00', 32), 'hex')"
        " WHERE partition = 1000",
    )
    signer = history.signer()
    await signer.look()

    assert await found(history) == []
    details = [each.detail for each in await found(history, three[0])]
    assert details == ["checkpoint 1 is another than the one that was kept: history was forked"]
    assert Seen(9, HERE, 7) in seen(await found(history, three[2]))


async def test_a_checkpoint_that_another_key_signed_is_found(
    history: History, three: list[CheckpointSigned]
) -> None:
    thief = new_key()
    last = three[-1].model_dump(mode="json", exclude={"signature"})
    forged = thief.checkpoint({**last, "key_id": thief.key_id})
    claimed = three[-1].model_copy(update={"signature": forged.signature})

    for kept in (forged, claimed):
        details = [each.detail for each in await found(history, kept)]
        assert details[0] == "the checkpoint 3 that was kept is signed by no key of this ledger"


async def test_a_wrong_subtree_is_found(history: History) -> None:
    await history.append(*([1] * 130))
    await history.signer().look()
    assert await found(history) == []

    await history.pool.execute("UPDATE view.tree_node SET hash = sha256('x') WHERE level = 7")

    assert [each.invariant for each in await found(history)] == [7]

    async with history.pool.acquire() as connection, connection.transaction():
        await grown_again(connection)  # what `kembalian rebuild wallet-ledger` does
    assert await found(history) == []


async def test_a_kept_checkpoint_is_read_from_the_apis_answer(
    three: list[CheckpointSigned], tmp_path: Path
) -> None:
    kept = tmp_path / "kept.json"
    kept.write_text(json.dumps(shown(three[0])))
    assert read_kept(kept) == three[0]

    for text in ("", "[]", "{}", '{"type": "kembalian.checkpoint.v1"}', '{"type": "x"}'):
        kept.write_text(text)
        with pytest.raises(NotACheckpoint):
            read_kept(kept)
    with pytest.raises(NotACheckpoint):
        read_kept(tmp_path / "none")

"""Whoever holds the public key alone checks that a file holds the history that was signed."""

import asyncio
import json
from contextlib import suppress
from pathlib import Path
from subprocess import CompletedProcess

import asyncpg
import pytest

from events.log import partition_of
from kembalian import kembalian_verify
from kembalian.testing.commands import kembalian
from kembalian.testing.plants import chain_again
from kembalian.testing.signed import History, member
from wallet_ledger import checkpoint_keys
from wallet_ledger.checkpoint_audit import NotACheckpoint, read_kept
from wallet_ledger.config import PARTITIONS
from wallet_ledger.exporting import export_ledger
from wallet_ledger.importing import prove
from wallet_ledger.signed_file import (
    Held,
    NotSigned,
    Signed,
    newest_within,
    read_signed,
    signed_beside,
)
from wallet_ledger.signing import SigningKey, new_key, read_keys

HERE = partition_of(member(1), PARTITIONS)

TOLD_OTHERWISE = """
UPDATE log.event SET body = convert_to(replace(convert_from(body, 'UTF8'), 'kasir-1', 'kasir-2'),
'UTF8') WHERE partition = $1 AND position = 3
"""
CUT = (
    "DELETE FROM log.event WHERE partition = $1 AND position > 2",
    "DELETE FROM log.link WHERE partition = $1 AND first_position > 2",
    (
        "UPDATE log.counter SET position = 2, link = ("
        " SELECT link FROM log.link WHERE partition = $1) WHERE partition = $1"
    ),
)


def quiet(_done: int, _total: int) -> None:
    """Say nothing."""


def key_of(history: History) -> str:
    return read_keys(history.key_file)[0].public_key


async def signed_history(history: History) -> None:
    """Write and sign events 1 to 4, then 5 to 6, which no checkpoint is of."""
    signer = history.signer()
    await history.append(2, 1)
    await signer.look()
    await history.append(1)
    await history.append(3, wallet=member(2))
    assert await signer.look() is not None
    await history.append(2)


async def exported(history: History, path: Path) -> Path:
    await export_ledger(history.databases.app_dsn, path, quiet)
    return path


async def change(history: History, *statements: str) -> None:
    """Change one partition, and chain all that follows again, as a forger with time would."""
    connection = await asyncpg.connect(history.databases.admin_dsn)
    try:
        await connection.execute("SET session_replication_role = replica")
        for statement in statements:
            await connection.execute(statement, HERE)
        await chain_again(connection, HERE)
    finally:
        await connection.close()


async def of_two_keys(history: History, path: Path) -> tuple[SigningKey, SigningKey, Signed]:
    """Export a history whose second checkpoint a second key signed; return both, and it."""
    first = read_keys(history.key_file)[0]
    signer = history.signer()
    await history.append(1)
    await signer.look()
    await checkpoint_keys.rotate(history.databases.app_dsn, history.key_file)
    second = read_keys(history.key_file)[-1]
    await history.append(1)
    with suppress(asyncpg.PostgresError):  # fenced by the rotation: it begins again
        await signer.look()
    await signer.look()
    signed = read_signed(signed_beside(await exported(history, path)))
    assert (signed.checkpoint.n, signed.checkpoint.key_id) == (2, second.key_id)
    return first, second, signed


def check(path: Path, checkpoint: Path, key: str) -> None:
    """Check a file as `import --check --checkpoint --key` does."""
    signed = read_signed(checkpoint)
    signed.require(key)
    prove(path, quiet, Held(signed.checkpoint))


async def test_an_exported_file_is_what_the_checkpoint_beside_it_signed(
    history: History, tmp_path: Path
) -> None:
    await signed_history(history)

    path = await exported(history, tmp_path / "ledger.ndjson.gz")

    beside = signed_beside(path)
    check(path, beside, key_of(history))
    assert read_kept(beside).n == 2
    assert kembalian_verify.main([str(beside), "--key", key_of(history)]) == 0


async def test_history_that_was_told_otherwise_proves_itself_but_was_not_signed(
    history: History, tmp_path: Path
) -> None:
    await signed_history(history)
    kept = signed_beside(await exported(history, tmp_path / "true.ndjson"))
    await change(history, TOLD_OTHERWISE)

    forged = await exported(history, tmp_path / "forged.ndjson")

    prove(forged, quiet)
    with pytest.raises(NotSigned, match=f"partition {HERE} up to position 4 .* checkpoint 2"):
        check(forged, kept, key_of(history))


async def test_a_file_that_ends_before_what_was_signed_is_not_that_history(
    history: History, tmp_path: Path
) -> None:
    await signed_history(history)
    kept = signed_beside(await exported(history, tmp_path / "true.ndjson"))
    await change(history, *CUT)

    cut = await exported(history, tmp_path / "cut.ndjson")

    prove(cut, quiet)
    with pytest.raises(NotSigned, match=f"partition {HERE} up to position 4"):
        check(cut, kept, key_of(history))


async def test_a_key_that_follows_the_trusted_one_is_believed_and_no_other(
    history: History, tmp_path: Path
) -> None:
    path = tmp_path / "ledger.ndjson"
    first, second, signed = await of_two_keys(history, path)

    check(path, signed_beside(path), first.public_key)
    check(path, signed_beside(path), second.public_key)

    for trusted, keys in ((new_key(), signed.keys), (first, ())):
        with pytest.raises(NotSigned, match="not signed by the trusted key"):
            Signed(signed.checkpoint, keys).require(trusted.public_key)
    with pytest.raises(NotSigned, match="64 hexadecimal digits"):
        signed.require("1f3c")


async def test_a_key_signs_nothing_once_its_successor_does(
    history: History, tmp_path: Path
) -> None:
    first, _, signed = await of_two_keys(history, tmp_path / "ledger.ndjson")

    said = signed.checkpoint.model_dump(mode="json", exclude={"signature"})
    stolen = first.checkpoint({**said, "key_id": first.key_id})

    with pytest.raises(NotSigned, match="not signed by the trusted key"):
        Signed(stolen, signed.keys).require(first.public_key)


async def test_a_key_that_nobody_introduced_is_not_believed(
    history: History, tmp_path: Path
) -> None:
    first, _, signed = await of_two_keys(history, tmp_path / "ledger.ndjson")
    thief = new_key()
    alone = thief.introduces(thief, first_checkpoint=1, at=signed.checkpoint.at)
    claimed = alone.model_copy(update={"signed_by": first.key_id})
    said = signed.checkpoint.model_dump(mode="json", exclude={"signature"})
    forged = thief.checkpoint({**said, "key_id": thief.key_id})

    with pytest.raises(NotSigned, match="not introduced by the one before it"):
        Signed(forged, [claimed]).require(first.public_key)


async def test_a_file_gets_the_newest_checkpoint_of_what_is_in_it(
    history: History, tmp_path: Path
) -> None:
    signer = history.signer()
    await history.append(1)
    before = prove(await exported(history, tmp_path / "before.ndjson"), quiet)
    assert not signed_beside(tmp_path / "before.ndjson").exists()
    for _ in range(3):
        await signer.look()
        await history.append(1)
    later = prove(await exported(history, tmp_path / "later.ndjson"), quiet)
    for _ in range(4):
        await signer.look()
        await history.append(1)

    async with history.pool.acquire() as connection:
        assert before.header is not None
        assert later.header is not None
        first = await newest_within(connection, before.header)
        fourth = await newest_within(connection, later.header)

    assert first is not None
    assert fourth is not None
    assert [signed.checkpoint.events for signed in (first, fourth)] == [1, 4]
    assert read_kept(signed_beside(tmp_path / "later.ndjson")).events == 3


def test_a_file_without_a_checkpoint_is_none(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    path.write_text(json.dumps({"items": []}))

    with pytest.raises(NotACheckpoint):
        read_signed(path)


async def said(home: Path, *words: str) -> CompletedProcess[str]:
    return await asyncio.to_thread(kembalian, home, *words)


async def test_the_command_says_what_was_signed_and_refuses_the_rest(
    history: History, tmp_path: Path
) -> None:
    await signed_history(history)
    path, dsn = tmp_path / "ledger.ndjson", history.databases.app_dsn

    beside = str(signed_beside(path))
    against = ("import", str(path), "--check", "--checkpoint", beside)

    written = await said(tmp_path, "export", str(path), "--database", dsn)
    good = await said(tmp_path, *against, "--key", key_of(history))
    bad = await said(tmp_path, *against, "--key", new_key().public_key)
    half = await said(tmp_path, *against)

    assert beside in written.stdout.replace("\n", "")
    assert (good.returncode, bad.returncode, half.returncode) == (0, 2, 2)
    assert "the history that" in good.stdout
    assert "not signed by the trusted key" in bad.stderr
    assert "belong together" in half.stderr

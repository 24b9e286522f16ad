"""Rotations that meet: whatever happens, the key that the log names is in the file."""

import asyncio
import logging
from collections.abc import Callable
from threading import Event

import asyncpg
import pytest

from events.contracts.checkpoint import CheckpointKeyIntroduced
from kembalian.testing.signed import History
from wallet_ledger import checkpoint_keys, signer
from wallet_ledger.signing import new_key, read_keys, write_keys

PATIENCE_SECONDS = 60.0
END_ROTATIONS = """
SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class Held:
    """A function that stops in its first call until it is let go, in whatever thread it is."""

    def __init__(self, function: Callable[..., object]) -> None:
        self._function = function
        self.reached, self.go = Event(), Event()

    def __call__(self, *arguments: object) -> object:
        if not self.reached.is_set():
            self.reached.set()
            assert self.go.wait(PATIENCE_SECONDS)
        return self._function(*arguments)

    async def wait(self) -> None:
        """Wait until somebody stands in the function."""
        assert await asyncio.to_thread(self.reached.wait, PATIENCE_SECONDS)


@pytest.fixture
async def signed(history: History) -> History:
    """A ledger whose first key has signed."""
    await history.append(1)
    one = history.signer()
    assert await one.look() is not None
    await one.leases.release()
    return history


def rotation(history: History) -> "asyncio.Task[CheckpointKeyIntroduced]":
    """Begin a rotation in a thread with an event loop of its own: a process of its own, nearly."""
    turn = checkpoint_keys.rotate(history.databases.app_dsn, history.key_file)
    return asyncio.create_task(asyncio.to_thread(asyncio.run, turn))


async def can_sign(history: History) -> str:
    """Return the id of the only key in the file, after the log has taken its signature."""
    [key] = read_keys(history.key_file)
    await history.append(1)
    checkpoint = await history.signer().look()
    assert checkpoint is not None
    assert checkpoint.key_id == key.key_id
    return key.key_id


@pytest.mark.parametrize("at", ["new_key", "write_keys"])
async def test_of_two_rotations_at_once_the_second_follows_the_first(
    signed: History, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    held = Held(getattr(checkpoint_keys, at))
    monkeypatch.setattr(checkpoint_keys, at, held)
    first = rotation(signed)
    await held.wait()
    second = rotation(signed)
    await asyncio.wait({second}, timeout=0.5)
    held.go.set()

    one, two = await asyncio.gather(first, second)

    listed = await checkpoint_keys.listed(signed.databases.app_dsn)
    assert [key.key_id for key in listed[1:]] == [one.key_id, two.key_id]
    assert two.signed_by == one.key_id
    assert await can_sign(signed) == two.key_id


async def test_a_rotation_that_lost_its_connection_leaves_the_file_to_the_next(
    signed: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(new_key)
    monkeypatch.setattr(checkpoint_keys, "new_key", held)
    first = rotation(signed)
    await held.wait()
    await signed.as_superuser(END_ROTATIONS)
    second = await asyncio.wait_for(rotation(signed), PATIENCE_SECONDS)
    held.go.set()

    with pytest.raises((OSError, asyncpg.PostgresError, asyncpg.InterfaceError)):
        await first

    assert await can_sign(signed) == second.key_id


async def test_a_file_without_the_newest_key_of_the_log_is_never_written(signed: History) -> None:
    before = signed.key_file.read_bytes()

    async with signed.pool.acquire() as connection:
        with pytest.raises(checkpoint_keys.Rotating, match="was left as it is"):
            await checkpoint_keys._write(  # pyright: ignore[reportPrivateUsage]
                connection, signed.key_file, [new_key()]
            )

    assert signed.key_file.read_bytes() == before


async def test_a_rotation_does_not_wait_for_ever_and_says_why(
    signed: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint_keys, "WAIT_SECONDS", 0.2)
    before = signed.key_file.read_bytes()

    async with signed.pool.acquire() as connection, connection.transaction():
        await connection.execute(checkpoint_keys.LOCK.replace("_lock", "_xact_lock"))
        with pytest.raises(checkpoint_keys.Rotating, match="nothing was changed"):
            await checkpoint_keys.rotate(signed.databases.app_dsn, signed.key_file)

    assert signed.key_file.read_bytes() == before
    assert len(await checkpoint_keys.listed(signed.databases.app_dsn)) == 1


@pytest.mark.parametrize(("seconds", "often"), [(60.0, False), (0.0, True)])
async def test_that_nothing_can_be_signed_is_said_once_a_minute(
    signed: History,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    seconds: float,
    often: bool,
) -> None:
    monkeypatch.setattr(signer, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(signer, "SAY_SECONDS", seconds)
    write_keys(signed.key_file, [new_key()])

    with caplog.at_level(logging.CRITICAL, "wallet_ledger.signer"):
        running = asyncio.create_task(signed.signer().run())
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(caplog.records) < (2 if often else 1):
                await asyncio.sleep(0.01)
        await asyncio.sleep(0 if often else 0.3)
        running.cancel()
        await asyncio.wait({running})

    said = [record.getMessage() for record in caplog.records]
    assert "does not hold the key" in said[0]
    assert (len(said) > 1) == often

import asyncio

import asyncpg
import pytest

from events import background, leases
from events.leases import Leases
from events.testing import until


@pytest.fixture(autouse=True)
def long_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases that no busy machine outlasts, renewed every 0.1 s."""
    monkeypatch.setattr(leases, "LEASE_SECONDS", 60.0)
    monkeypatch.setattr(leases, "RENEW_SECONDS", 0.1)


async def held(mine: Leases) -> bool:
    return mine.holds("writer/0")


async def gone(mine: Leases) -> bool:
    return not mine.holds("writer/0")


async def test_of_many_one_takes_a_lease(pool: asyncpg.Pool) -> None:
    rivals = [Leases(pool, f"http://127.0.0.1:{n}") for n in range(10)]

    epochs = await asyncio.gather(*(rival.take("writer/0") for rival in rivals))

    assert [epoch for epoch in epochs if epoch is not None] == [1]
    winner = next(rival for rival in rivals if rival.holds("writer/0"))
    address = f"http://127.0.0.1:{rivals.index(winner)}"
    assert await rivals[0].holder("writer/0") == (winner.owner, address)


async def test_a_lease_that_ran_out_is_taken_over_with_a_higher_epoch(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = Leases(pool, "old"), Leases(pool, "new")
    assert await old.take("writer/0") == 1
    assert await new.take("writer/0") is None
    monkeypatch.setattr(leases, "LEASE_SECONDS", 0.1)
    assert await old.take("writer/0") == 2
    await asyncio.sleep(0.2)

    assert not old.holds("writer/0")
    assert await new.holder("writer/0") is None
    assert await new.take("writer/0") == 3


async def test_a_lease_that_is_kept_does_not_run_out(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "LEASE_SECONDS", 2.0)
    mine, other = Leases(pool, "mine"), Leases(pool, "other")
    await mine.take("writer/0")
    keeping = asyncio.create_task(mine.keep())
    await asyncio.sleep(2.3)

    assert mine.holds("writer/0")
    assert await other.take("writer/0") is None
    await background.stop(keeping)


async def test_who_wakes_up_after_a_take_over_learns_of_it(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    paused, other = Leases(pool, "paused"), Leases(pool, "other")
    with monkeypatch.context() as short:
        short.setattr(leases, "LEASE_SECONDS", 0.1)
        await paused.take("writer/0")
        await asyncio.sleep(0.2)
    assert await other.take("writer/0") == 2
    assert paused.holds("writer/0"), "it believes so, as one does whose clock stood still"

    keeping = asyncio.create_task(paused.keep())
    await until(lambda: gone(paused), "the lease to be dropped")

    assert await other.holder("writer/0") == (other.owner, "other")
    await background.stop(keeping)


async def test_a_released_lease_is_free_at_once(pool: asyncpg.Pool) -> None:
    leaving, coming = Leases(pool, "leaving"), Leases(pool, "coming")
    await leaving.take("writer/0")

    await leaving.release()

    assert not leaving.holds("writer/0")
    assert await coming.take("writer/0") == 2


async def test_the_owner_takes_its_lease_again_with_a_higher_epoch(pool: asyncpg.Pool) -> None:
    mine = Leases(pool, "mine")

    assert [await mine.take("writer/0"), await mine.take("writer/0")] == [1, 2]


async def test_keeping_outlives_a_database_that_is_away(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "LEASE_SECONDS", 0.5)
    mine = Leases(pool, "mine")
    await mine.take("writer/0")
    keeping = asyncio.create_task(mine.keep())
    with monkeypatch.context() as away:
        away.setattr(leases, "RENEW", "SELECT no_such_function($1, $2, $3)")
        await until(lambda: gone(mine), "the lease to run out")

    await until(lambda: held(mine), "the lease to be renewed")

    await background.stop(keeping)

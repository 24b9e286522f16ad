import asyncio

import asyncpg
import pytest

from events import log, outcomes
from events.outcomes import KeyReused, Outcome, RequestInFlight
from events.testing import an_event


async def decide(pool: asyncpg.Pool, key: str, fingerprint: bytes, answer: bytes) -> bytes:
    """Answer a request as a simple service does: once, then from what is kept."""
    async with pool.acquire() as connection, connection.transaction():
        known = await outcomes.earlier(connection, "admin:1", key, fingerprint)
        if known is not None:
            return known.answer
        outcome = Outcome("admin:1", key, fingerprint, 201, answer)
        await asyncio.sleep(0.02)
        await log.append(connection, 0, [an_event(answer.decode(), 1)], [outcome])
        return answer


async def test_of_equal_requests_one_decides_and_all_get_its_answer(pool: asyncpg.Pool) -> None:
    answers = await asyncio.gather(*(decide(pool, "k", b"f", b"%d" % n) for n in range(12)))

    assert len(set(answers)) == 1
    async with pool.acquire() as connection:
        assert (await log.heads(connection)).at(0) == 1


async def test_requests_with_different_keys_do_not_wait_for_each_other(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection, connection.transaction():
        assert await outcomes.earlier(connection, "admin:1", "k", b"f") is None

        async with asyncio.timeout(4):
            assert await decide(pool, "other", b"f", b"1") == b"1"


async def test_the_same_key_with_another_body_is_refused(pool: asyncpg.Pool) -> None:
    await decide(pool, "k", b"f", b"1")

    with pytest.raises(KeyReused):
        await decide(pool, "k", b"g", b"2")


async def test_the_equal_key_of_another_caller_is_another_key(pool: asyncpg.Pool) -> None:
    await decide(pool, "k", b"f", b"1")

    async with pool.acquire() as connection, connection.transaction():
        assert await outcomes.earlier(connection, "admin:2", "k", b"g") is None


async def test_a_repeat_of_what_takes_too_long_is_told_so(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcomes, "LOCK_TIMEOUT", "SET LOCAL lock_timeout = '300ms'")
    async with pool.acquire() as connection, connection.transaction():
        await outcomes.earlier(connection, "admin:1", "k", b"f")

        with pytest.raises(RequestInFlight):
            await decide(pool, "k", b"f", b"1")

    assert await decide(pool, "k", b"f", b"2") == b"2"


def test_a_repeat_waits_for_five_seconds() -> None:
    assert outcomes.LOCK_TIMEOUT == "SET LOCAL lock_timeout = '5s'"


async def test_the_wait_for_a_key_does_not_limit_what_follows(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await outcomes.earlier(connection, "admin:1", "k", b"f")

        assert await connection.fetchval("SHOW lock_timeout") == "0"


async def test_the_outcomes_of_a_group_are_found_at_once(pool: asyncpg.Pool) -> None:
    await decide(pool, "a", b"f", b"1")
    await decide(pool, "b", b"g", b"2")

    async with pool.acquire() as connection:
        keys = [("admin:1", "a"), ("admin:1", "b"), ("admin:1", "c"), ("admin:2", "a")]
        found = await outcomes.find_all(connection, keys)

    assert found == {
        ("admin:1", "a"): Outcome("admin:1", "a", b"f", 201, b"1"),
        ("admin:1", "b"): Outcome("admin:1", "b", b"g", 201, b"2"),
    }

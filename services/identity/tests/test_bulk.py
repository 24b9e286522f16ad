"""Members in bulk are members like others, though nobody can log in as one."""

import asyncpg
import pytest

from identity.bulk import register_members
from identity.operations import export, rebuild
from identity.testing import Service


async def test_members_made_in_bulk_are_rebuilt_to_the_byte(service: Service) -> None:
    cards = [str(70_000_000 + n) for n in range(2_100)]
    told: list[int] = []

    made = await register_members(service.dsn, cards, lambda done, _: told.append(done))

    before = [line async for line in export(service.dsn)]
    await rebuild(service.dsn, lambda _done, _total: None)
    assert (len(set(made)), told) == (2_100, [2_000, 2_100])
    assert [line async for line in export(service.dsn)] == before
    with pytest.raises(asyncpg.UniqueViolationError):
        await register_members(service.dsn, cards[-1:], lambda done, _: told.append(done))

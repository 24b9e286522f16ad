"""The first person of an empty system: made once, by whoever comes first."""

import asyncio

import pytest

from identity.operations import AlreadyThere, bootstrap_user
from identity.testing import Service
from kembalian.grounds.databases import Databases

FIRST = ("first", "a long password")
SECOND = ("second", "another password")


async def test_who_was_made_can_log_in_under_his_role(
    service: Service, database: Databases
) -> None:
    await bootstrap_user(database.app_dsn, *FIRST, "auditor", another=False)

    login = {"username": "first", "password": "a long password"}
    answer = await (await service.guest()).post("/auth/token", login)

    assert answer.status_code == 200
    assert answer.json()["role"] == "auditor"


async def test_a_second_one_is_refused_unless_it_is_wanted(database: Databases) -> None:
    await bootstrap_user(database.app_dsn, *FIRST, "admin", another=False)

    with pytest.raises(AlreadyThere, match="first has the role admin already"):
        await bootstrap_user(database.app_dsn, *SECOND, "admin", another=False)
    await bootstrap_user(database.app_dsn, *SECOND, "admin", another=True)
    with pytest.raises(AlreadyThere, match="there is a user second already"):
        await bootstrap_user(database.app_dsn, *SECOND, "admin", another=True)


async def test_the_roles_are_counted_apart(database: Databases) -> None:
    await bootstrap_user(database.app_dsn, *FIRST, "admin", another=False)
    await bootstrap_user(database.app_dsn, *SECOND, "finance", another=False)

    with pytest.raises(AlreadyThere, match="there is a user first already"):
        await bootstrap_user(database.app_dsn, *FIRST, "auditor", another=False)


async def test_of_two_who_come_at_once_one_is_refused(database: Databases) -> None:
    outcomes = await asyncio.gather(
        bootstrap_user(database.app_dsn, *FIRST, "admin", another=False),
        bootstrap_user(database.app_dsn, *SECOND, "admin", another=False),
        return_exceptions=True,
    )

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["AlreadyThere", "NoneType"]

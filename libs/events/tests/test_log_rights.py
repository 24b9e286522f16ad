import asyncpg
import pytest

from events import log
from events.outcomes import Outcome
from events.testing import an_event
from kembalian.grounds.databases import Databases


def refusal(key: str) -> Outcome:
    return Outcome("cashier:1", key, b"f", 409, b"{}")


FORBIDDEN = [
    "INSERT INTO log.event SELECT * FROM log.event",
    "INSERT INTO log.link SELECT * FROM log.link",
    "INSERT INTO log.outcome VALUES ('a', 'b', '', 200, '')",
    "INSERT INTO log.counter (partition) VALUES (9)",
    "UPDATE log.counter SET position = 0",
    "UPDATE log.lease SET owner = 'me'",
    "INSERT INTO log.lease SELECT * FROM log.lease",
    "ALTER TABLE log.event DISABLE TRIGGER append_only",
    "DROP TABLE log.event",
    "CREATE FUNCTION log.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
]


@pytest.mark.parametrize(("role", "sqlstate"), [("app", "42501"), ("owner", "KB009")])
async def test_what_is_written_cannot_be_changed(
    pool: asyncpg.Pool, databases: Databases, role: str, sqlstate: str
) -> None:
    async with pool.acquire() as connection:
        await log.append(connection, 0, [an_event("a", 1)], [refusal("k")])
    dsn = databases.owner_dsn if role == "owner" else databases.app_dsn
    connection = await asyncpg.connect(dsn)

    for table in ("log.event", "log.link", "log.outcome"):
        for act in ("UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {}"):
            column = "status" if table == "log.outcome" else "partition"
            with pytest.raises(asyncpg.PostgresError) as refused:
                await connection.execute(act.format(table, column, column))
            assert getattr(refused.value, "sqlstate", None) == sqlstate, (table, act)
    await connection.close()


async def test_the_role_that_serves_can_only_append(pool: asyncpg.Pool) -> None:
    for statement in FORBIDDEN:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.execute(statement)

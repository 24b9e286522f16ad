"""The way back of deploy/README.md: a dump and the secrets, brought to an empty machine."""

import asyncio
import os
import subprocess
from collections.abc import Generator

import asyncpg
import pytest

from events import log
from events.testing import an_event
from kembalian.grounds.postgres import binary
from kembalian.setup.job import set_up
from kembalian.testing.deployment import Deployment, require_broker, servers

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

DATABASES = ["identity", "catalog", "wallet_ledger", "settlement"]
EVENTS = "SELECT partition, position, event_id, recorded_at, body FROM log.event ORDER BY 1, 2"
LINKS = "SELECT * FROM log.link ORDER BY partition, first_position"


def run(deployment: Deployment, *command: str, text: str = "") -> str:
    """Run one of PostgreSQL's programs as the superuser of a deployment."""
    where = {
        "PGHOST": "127.0.0.1",
        "PGPORT": str(deployment.postgres.port),
        "PGPASSWORD": deployment.settings.secrets.postgres(),
    }
    done = subprocess.run(
        [binary(command[0]), *command[1:]],
        env={**os.environ, **where},
        input=text,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return done.stdout


@pytest.fixture(scope="module")
def lost() -> Generator[Deployment]:
    """A deployment that works."""
    require_broker()
    with servers() as made:
        set_up(made.settings, made.said.append)
        yield made


@pytest.fixture(scope="module")
def empty(lost: Deployment) -> Generator[Deployment]:
    """Another machine with the same secrets."""
    with servers(kept_secrets=lost.settings.secrets_dir) as made:
        yield made


async def written(deployment: Deployment, database: str) -> list[list[tuple[object, ...]]]:
    connection = await asyncpg.connect(deployment.app_dsn(database))
    rows = [await connection.fetch(query) for query in (EVENTS, LINKS)]
    await connection.close()
    return [[tuple(row.values()) for row in each] for each in rows]


async def test_a_dump_and_the_secrets_bring_everything_back(
    lost: Deployment, empty: Deployment
) -> None:
    for database in DATABASES:
        connection = await asyncpg.connect(lost.app_dsn(database))
        await log.append(connection, 0, [an_event("member", n) for n in (1, 2, 3)])
        await connection.close()
    before = {database: await written(lost, database) for database in DATABASES}

    dump = run(lost, "pg_dumpall", "--username=postgres")
    run(empty, "psql", "--username=postgres", "--quiet", text=dump)

    assert {database: await written(empty, database) for database in DATABASES} == before
    connection = await asyncpg.connect(empty.app_dsn("wallet_ledger"))
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("DELETE FROM log.event")
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied"):
        await asyncpg.connect(empty.app_dsn("catalog"), database="wallet_ledger")
    await log.append(connection, 0, [an_event("member", 4)])
    await connection.close()
    said: list[str] = []
    await asyncio.to_thread(set_up, empty.settings, said.append)
    assert [line for line in said if line.startswith("database")] == [
        f"database {database}: nothing new" for database in DATABASES
    ]

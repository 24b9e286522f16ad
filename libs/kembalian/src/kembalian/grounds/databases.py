"""Databases and roles: one database per service, which nobody else's role can connect to."""

from dataclasses import dataclass
from typing import Protocol

import psycopg
from psycopg import sql


class Server(Protocol):
    """A PostgreSQL server whose superuser we are."""

    @property
    def admin_dsn(self) -> str:
        """The superuser's DSN, database `postgres`."""
        ...

    def admin_dsn_of(self, database: str) -> str:
        """The superuser's DSN of one database."""
        ...

    def dsn(self, user: str, password: str, database: str) -> str:
        """Return the DSN of one role in one database, in the form that asyncpg takes."""
        ...


# By default everybody may connect to these two.
ONLY_ITS_OWN = "REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC"


@dataclass(frozen=True, slots=True)
class Databases:
    """The ways into one service's database: who owns and migrates it, who serves, the superuser."""

    name: str
    owner_dsn: str
    app_dsn: str
    admin_dsn: str


@dataclass(frozen=True, slots=True)
class RolePasswords:
    """The passwords of a service's two roles, `<service>_owner` and `<service>_app`."""

    owner: str
    app: str


def role_prefix(service: str) -> str:
    """Return the name in SQL of a service: `wallet-ledger` is `wallet_ledger`."""
    return service.replace("-", "_")


def provision(
    postgres: Server,
    service: str,
    passwords: RolePasswords,
    *,
    database: str | None = None,
    template: str | None = None,
) -> Databases:
    """Make the service's roles and its database (named as it, if not said otherwise), or find them.

    `template` names a database to copy. Safe to repeat; passwords are set anew each time.
    """
    prefix = role_prefix(service)
    name = database or prefix
    with psycopg.connect(postgres.admin_dsn, autocommit=True) as connection:
        _ensure_role(connection, f"{prefix}_owner", passwords.owner)
        _ensure_role(connection, f"{prefix}_app", passwords.app)
        _ensure_database(connection, name, prefix, template)
        connection.execute(ONLY_ITS_OWN)
    return Databases(
        name=name,
        owner_dsn=postgres.dsn(f"{prefix}_owner", passwords.owner, name),
        app_dsn=postgres.dsn(f"{prefix}_app", passwords.app, name),
        admin_dsn=postgres.admin_dsn_of(name),
    )


def drop(postgres: Server, database: str) -> None:
    """Drop a database, ending the sessions in it."""
    statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database))
    with psycopg.connect(postgres.admin_dsn, autocommit=True) as connection:
        connection.execute(statement)


def _ensure_role(connection: psycopg.Connection, role: str, password: str) -> None:
    """Have a role that may log in and nothing else. Only the password's verifier is sent."""
    verifier = connection.pgconn.encrypt_password(
        password.encode(), role.encode(), b"scram-sha-256"
    ).decode()
    known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
    verb = "ALTER" if known else "CREATE"
    connection.execute(
        sql.SQL("{} ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {}").format(
            sql.SQL(verb), sql.Identifier(role), sql.Literal(verifier)
        )
    )


def _ensure_database(
    connection: psycopg.Connection, name: str, prefix: str, template: str | None
) -> None:
    names = {"name": sql.Identifier(name), "owner": sql.Identifier(f"{prefix}_owner")}
    known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone()
    if not known:
        copied = sql.Identifier(template or "template0")
        connection.execute(
            sql.SQL("CREATE DATABASE {name} OWNER {owner} TEMPLATE {copied}").format(
                **names, copied=copied
            )
        )
    app = sql.Identifier(f"{prefix}_app")
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {name} FROM PUBLIC").format(**names))
    connection.execute(
        sql.SQL("GRANT CONNECT ON DATABASE {name} TO {app}").format(**names, app=app)
    )

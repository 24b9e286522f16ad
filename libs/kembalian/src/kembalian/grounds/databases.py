"""Databases and roles: one database per service, which nobody else's role can connect to."""

from dataclasses import dataclass

import psycopg
from psycopg import sql

from kembalian.grounds.postgres import Postgres


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
    postgres: Postgres,
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
    return Databases(
        name=name,
        owner_dsn=postgres.dsn(f"{prefix}_owner", passwords.owner, name),
        app_dsn=postgres.dsn(f"{prefix}_app", passwords.app, name),
        admin_dsn=postgres.admin_dsn_of(name),
    )


def drop(postgres: Postgres, database: str) -> None:
    """Drop a database, ending the sessions in it."""
    statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database))
    with psycopg.connect(postgres.admin_dsn, autocommit=True) as connection:
        connection.execute(statement)


def _ensure_role(connection: psycopg.Connection, role: str, password: str) -> None:
    known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
    verb = "ALTER" if known else "CREATE"
    connection.execute(
        sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(
            sql.SQL(verb), sql.Identifier(role), sql.Literal(password)
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

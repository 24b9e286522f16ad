"""Who may do what in PostgreSQL: a service appends to its own log by functions, and that is all."""

import asyncpg
import pytest

from kembalian.testing.deployment import Deployment

DATABASES = ["identity", "catalog", "wallet_ledger", "settlement"]

WRITES = [
    "INSERT INTO log.event SELECT * FROM log.event",
    "INSERT INTO log.link SELECT * FROM log.link",
    "INSERT INTO log.outcome SELECT * FROM log.outcome",
    "UPDATE log.event SET body = ''",
    "UPDATE log.counter SET position = 0",
    "DELETE FROM log.event",
    "TRUNCATE log.event CASCADE",
    "COPY log.event TO PROGRAM 'cat'",
    "ALTER TABLE log.event DISABLE TRIGGER ALL",
    "ALTER TABLE log.event OWNER TO CURRENT_USER",
    "DROP TRIGGER append_only ON log.event",
    "DROP SCHEMA log CASCADE",
    "CREATE TABLE log.mine ()",
    "CREATE TABLE view.mine ()",
    "CREATE TABLE private.mine ()",
    "CREATE TABLE public.mine ()",
    "CREATE SCHEMA mine",
    "CREATE OR REPLACE FUNCTION log.refuse_change() RETURNS trigger LANGUAGE sql AS 'SELECT 1'",
    "SET session_replication_role = replica",
    "SET ROLE postgres",
]

FUNCTIONS = (
    "SELECT proname, prosecdef, proconfig FROM pg_proc WHERE pronamespace = 'log'::regnamespace"
)

FOR_EVERYBODY = """
SELECT proname FROM pg_proc, aclexplode(coalesce(proacl, acldefault('f', proowner))) AS may
WHERE pronamespace = 'log'::regnamespace AND may.grantee = 0
"""

POWERS = """
SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls,
    (SELECT count(*) FROM pg_auth_members m WHERE m.member = r.oid OR m.roleid = r.oid)
FROM pg_roles r WHERE rolname = $1
"""

TABLES = """
SELECT table_schema || '.' || table_name FROM information_schema.role_table_grants
WHERE grantee = current_user AND privilege_type IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE')
    AND table_schema = 'log'
"""


@pytest.mark.parametrize("database", DATABASES)
async def test_the_role_that_serves_cannot_write_its_own_log(
    deployment: Deployment, database: str
) -> None:
    connection = await asyncpg.connect(deployment.app_dsn(database))

    for statement in WRITES:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    writable = {row[0] for row in await connection.fetch(TABLES)}
    await connection.close()

    assert writable == {"log.dead_letter"}


@pytest.mark.parametrize("database", DATABASES)
async def test_another_services_roles_cannot_even_connect(
    deployment: Deployment, database: str
) -> None:
    for other in {*DATABASES} - {database}:
        for dsn in (deployment.app_dsn(other), deployment.owner_dsn(other)):
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied"):
                await asyncpg.connect(dsn, database=database)


@pytest.mark.parametrize("database", DATABASES)
async def test_the_servers_own_databases_are_closed_to_services(
    deployment: Deployment, database: str
) -> None:
    for own in ("postgres", "template1"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied"):
            await asyncpg.connect(deployment.app_dsn(database), database=own)


@pytest.mark.parametrize("database", DATABASES)
async def test_not_even_the_owner_changes_what_is_written(
    deployment: Deployment, database: str
) -> None:
    connection = await asyncpg.connect(deployment.owner_dsn(database))

    for statement in (
        "UPDATE log.event SET body = ''",
        "DELETE FROM log.event",
        "TRUNCATE log.event",
    ):
        with pytest.raises(asyncpg.PostgresError) as refused:
            await connection.execute(statement)
        assert getattr(refused.value, "sqlstate", None) == "KB009", statement
    await connection.close()


@pytest.mark.parametrize("kind", ["app", "owner"])
@pytest.mark.parametrize("database", DATABASES)
async def test_no_role_has_powers_of_the_server(
    deployment: Deployment, database: str, kind: str
) -> None:
    connection = await asyncpg.connect(deployment.app_dsn(database))
    powers = await connection.fetchrow(POWERS, f"{database}_{kind}")
    await connection.close()

    assert powers is not None
    assert [*powers] == [False, False, False, False, False, 0]


@pytest.mark.parametrize("database", DATABASES)
async def test_functions_that_write_the_log_find_only_its_own_tables(
    deployment: Deployment, database: str
) -> None:
    """A definer's function without a path of its own could be led to tables of the caller."""
    connection = await asyncpg.connect(deployment.app_dsn(database))
    functions = await connection.fetch(FUNCTIONS)
    for_everybody = await connection.fetch(FOR_EVERYBODY)
    await connection.close()

    definers = {row["proname"]: row["proconfig"] for row in functions if row["prosecdef"]}
    assert definers, "log.append is one"
    assert all(config == ["search_path=log, pg_temp"] for config in definers.values()), definers
    assert for_everybody == []


async def test_no_password_is_kept_in_the_clear_or_as_md5(deployment: Deployment) -> None:
    connection = await asyncpg.connect(deployment.settings.server.admin_dsn)
    rows = await connection.fetch("SELECT rolname, rolpassword FROM pg_authid WHERE rolcanlogin")
    await connection.close()

    assert len(rows) == 2 * len(DATABASES) + 1
    assert all(row["rolpassword"].startswith("SCRAM-SHA-256$") for row in rows)

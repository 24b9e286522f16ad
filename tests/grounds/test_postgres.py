"""The embedded PostgreSQL: its roles, its crashes, and its end together with its parent."""

import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import psutil
import psycopg
import pytest

from kembalian.grounds.account import open_for_search
from kembalian.grounds.databases import RolePasswords, provision
from kembalian.grounds.ground import running, start
from kembalian.grounds.postgres import SIZES, Postgres
from kembalian.grounds.process import Account
from kembalian.testing.databases import MakeDatabase

CRASHING_PARENT = """
import sys, time
from pathlib import Path
from kembalian.grounds.ground import start
from kembalian.grounds.postgres import Postgres
from kembalian.grounds.process import Account
server = Postgres(Path(sys.argv[1]))
start(server)
print(server.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[Postgres]:
    with running(Postgres(tmp_path / "postgres")) as server:
        yield server


async def test_a_database_is_open_to_its_own_roles_and_to_no_other(
    make_database: MakeDatabase,
) -> None:
    ledger, catalog = make_database("wallet-ledger"), make_database("catalog")
    stranger = ledger.app_dsn.rsplit("/", 1)[0] + f"/{catalog.name}"

    connection = await asyncpg.connect(ledger.app_dsn)
    role = await connection.fetchval("SELECT current_user")
    await connection.close()

    assert role == "wallet_ledger_app"
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied"):
        await asyncpg.connect(stranger)


async def test_a_wrong_password_is_refused(make_database: MakeDatabase) -> None:
    dsn = make_database("catalog").app_dsn.replace("app-in-tests", "guessed")

    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(dsn)


def test_databases_of_one_folder_are_migrated_and_independent(
    make_database: MakeDatabase, tmp_path: Path
) -> None:
    (tmp_path / "0001_shelf.sql").write_text(
        "CREATE TABLE shelf (n int); GRANT SELECT, INSERT ON shelf TO catalog_app;"
    )
    first, second = make_database("catalog", tmp_path), make_database("catalog", tmp_path)

    with psycopg.connect(first.app_dsn) as connection:
        connection.execute("INSERT INTO shelf VALUES (1)")

    with psycopg.connect(second.app_dsn) as connection:
        assert connection.execute("SELECT count(*) FROM shelf").fetchone() == (0,)


def test_what_is_asked_of_the_server_holds_and_durability_is_whole(own_postgres: Postgres) -> None:
    with psycopg.connect(own_postgres.admin_dsn) as connection:
        shown = {
            name: connection.execute("SELECT current_setting(%s)", (name,)).fetchone()
            for name in (*SIZES, "fsync", "full_page_writes", "synchronous_commit")
        }

    durable = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
    assert shown == {name: (value,) for name, value in {**SIZES, **durable}.items()}


def test_what_was_committed_survives_a_kill(own_postgres: Postgres) -> None:
    with psycopg.connect(own_postgres.admin_dsn) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS n")
    killed = own_postgres.pid

    own_postgres.kill()
    start(own_postgres)

    with psycopg.connect(own_postgres.admin_dsn) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (1,)
    assert own_postgres.pid != killed


def test_a_second_server_object_finds_the_data_and_the_password(own_postgres: Postgres) -> None:
    passwords = RolePasswords(owner="o", app="a")
    provision(own_postgres, "catalog", passwords)
    own_postgres.stop()

    with running(Postgres(own_postgres.home)) as again:
        databases = provision(again, "catalog", passwords)

        with psycopg.connect(databases.app_dsn) as connection:
            assert connection.execute("SELECT current_database()").fetchone() == ("catalog",)


def test_the_server_dies_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", CRASHING_PARENT, tmp_path / "postgres"], stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    server = psutil.Process(int(parent.stdout.readline()))
    family = [server, *server.children(recursive=True)]

    parent.kill()
    parent.communicate()

    _, alive = psutil.wait_procs(family, timeout=60)
    assert alive == []


def test_only_passing_through_is_granted_to_the_servers_account(tmp_path: Path) -> None:
    inner = tmp_path / "closed" / "home"
    inner.mkdir(parents=True)
    inner.parent.chmod(0o700)

    changed = open_for_search(inner)

    assert inner.parent in changed
    assert stat.S_IMODE(inner.parent.stat().st_mode) == 0o701


def test_stopping_leaves_no_process(own_postgres: Postgres) -> None:
    assert own_postgres.pid is not None
    family = [psutil.Process(own_postgres.pid)]
    family += family[0].children(recursive=True)

    own_postgres.stop()

    assert own_postgres.pid is None
    assert [process for process in family if process.is_running()] == []
    own_postgres.stop()  # a second stop finds nothing to do


def test_an_interrupt_of_the_terminal_does_not_reach_the_server(own_postgres: Postgres) -> None:
    assert own_postgres.pid is not None

    assert os.getsid(own_postgres.pid) == own_postgres.pid
    assert os.getsid(own_postgres.pid) != os.getsid(0)


def test_a_folder_that_is_closed_while_the_cluster_is_made_is_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Postgres(tmp_path / "closed" / "postgres")
    initdb: Callable[[Postgres, Account | None], None] = vars(Postgres)["_initdb"]

    def close_and_initdb(of: Postgres, account: Account | None) -> None:
        monkeypatch.setattr(Postgres, "_initdb", initdb)
        of.home.parent.chmod(0o700)
        initdb(of, account)

    monkeypatch.setattr(Postgres, "_initdb", close_and_initdb)

    server.prepare()

    assert (server.home / "data" / "PG_VERSION").exists()

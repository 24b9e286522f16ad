import asyncio
import shutil
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from events import migrate
from kembalian.testing.databases import MakeDatabase

SERVICES = Path(__file__).parents[3] / "services"


async def test_a_migration_is_applied_once(
    make_database: MakeDatabase, log_migrations: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "migrations"
    shutil.copytree(log_migrations, folder)
    databases = make_database("events")

    assert migrate.migrate(databases.owner_dsn, folder) == ["0001_log", "0002_seen"]
    assert migrate.migrate(databases.owner_dsn, folder) == []
    (folder / "0003_more.sql").write_text("CREATE TABLE view.more (id int);")
    assert migrate.migrate(databases.owner_dsn, folder) == ["0003_more"]


async def test_a_migration_that_fails_leaves_nothing(
    make_database: MakeDatabase, tmp_path: Path
) -> None:
    databases = make_database("events")
    wrong = tmp_path / "0001_wrong.sql"
    wrong.write_text("CREATE TABLE half (id int); SELECT no_such_function();")
    with pytest.raises(Exception, match="no_such_function"):
        migrate.migrate(databases.owner_dsn, tmp_path)

    wrong.write_text("CREATE TABLE half (id int);")

    assert migrate.migrate(databases.owner_dsn, tmp_path) == ["0001_wrong"]


async def test_processes_that_migrate_at_once_do_it_once(
    make_database: MakeDatabase, log_migrations: Path
) -> None:
    databases = make_database("events")

    results = await asyncio.gather(
        *(asyncio.to_thread(migrate.migrate, databases.owner_dsn, log_migrations) for _ in "abc")
    )

    assert sorted(results, key=len) == [[], [], ["0001_log", "0002_seen"]]


LEFT_BY_A_KILLED_PROCESS = """
CREATE TABLE yoyo_lock (locked int PRIMARY KEY DEFAULT 1, ctime timestamp, pid int NOT NULL);
INSERT INTO yoyo_lock (ctime, pid) VALUES (now(), 1);
"""


async def test_a_migration_that_was_killed_does_not_lock_out_the_next_one(
    make_database: MakeDatabase, log_migrations: Path
) -> None:
    databases = make_database("events")
    owner = await asyncpg.connect(databases.owner_dsn)
    await owner.execute(LEFT_BY_A_KILLED_PROCESS)
    await owner.close()

    async with asyncio.timeout(60):
        applied = await asyncio.to_thread(migrate.migrate, databases.owner_dsn, log_migrations)
    assert applied == ["0001_log", "0002_seen"]


DIES_BEFORE_THE_NOTE = """
import os, sys
from pathlib import Path
from yoyo.backends.base import DatabaseBackend
from events.migrate import migrate
DatabaseBackend.mark_one = lambda *_, **__: os._exit(9)
migrate(sys.argv[1], Path(sys.argv[2]))
"""


async def test_a_migration_killed_before_it_is_noted_has_done_nothing(
    make_database: MakeDatabase, log_migrations: Path
) -> None:
    databases = make_database("events")
    words = [sys.executable, "-c", DIES_BEFORE_THE_NOTE, databases.owner_dsn, str(log_migrations)]
    died = await asyncio.to_thread(subprocess.run, words, check=False)
    assert died.returncode == 9

    applied = await asyncio.to_thread(migrate.migrate, databases.owner_dsn, log_migrations)

    assert applied == ["0001_log", "0002_seen"]


@pytest.mark.parametrize("path", sorted(SERVICES.glob("*/migrations/0001_log.sql")), ids=str)
def test_the_log_of_a_service_is_the_template(path: Path) -> None:
    assert not migrate.drift(path)


def test_a_log_that_was_edited_has_drifted(tmp_path: Path) -> None:
    path = tmp_path / "0001_log.sql"
    path.write_text(migrate.log_migration("identity_app", 1).replace("KB001", "KB000"))

    assert migrate.drift(path)


def test_every_service_with_a_log_has_its_template() -> None:
    found = {path.parts[-3] for path in SERVICES.glob("*/migrations/0001_log.sql")}

    assert found == {"identity", "catalog", "wallet-ledger", "settlement"}


async def test_a_log_has_the_partitions_that_it_was_made_with(pool: asyncpg.Pool) -> None:
    assert await pool.fetchval(
        "SELECT array_agg(partition ORDER BY partition) FROM log.counter"
    ) == [*range(4)]

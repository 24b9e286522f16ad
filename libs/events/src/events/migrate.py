"""Forward-only SQL migrations (yoyo applies them), and the log's first one, made from a template.

`python -m events.migrate <app role> <partitions>` prints migrations/0001_log.sql of a service.
Once a database exists that file is history: change the log by a new template and a new number.
"""

import sys
from importlib.resources import files
from pathlib import Path

import psycopg
from yoyo import get_backend, read_migrations
from yoyo.backends import DatabaseBackend
from yoyo.migrations import Migration

WAIT = "SET lock_timeout = '60s'"
LOCK = "SELECT pg_advisory_lock(hashtext('kembalian migrations'))"

HEADER = "-- made by: python -m events.migrate {app} {partitions}\n"


def log_migration(app: str, partitions: int) -> str:
    """Return the SQL that makes a log of `partitions` partitions, used by the role `app`."""
    template = files("events").joinpath("sql/log.sql").read_text(encoding="utf-8")
    filled = template.replace("{app}", app).replace("{partitions}", str(partitions))
    return HEADER.format(app=app, partitions=partitions) + filled


def drift(path: Path) -> bool:
    """Tell whether a service's 0001_log.sql differs from what its first line says made it."""
    text = path.read_text(encoding="utf-8")
    app, partitions = text.splitlines()[0].split()[-2:]
    return text != log_migration(app, int(partitions))


def migrate(owner_dsn: str, folder: Path) -> list[str]:
    """Apply what `folder` holds and the database has not yet; return the ids, in order.

    `owner_dsn` names the role that owns the tables. Safe with several processes, and when one of
    them is killed: PostgreSQL's own lock ends with its session, while the row that yoyo uses as a
    lock would stay for ever; what a migration did and the note of it are one transaction.
    """
    with psycopg.connect(owner_dsn, autocommit=True) as guard:
        guard.execute(WAIT)
        guard.execute(LOCK)
        backend = get_backend(owner_dsn.replace("postgresql://", "postgresql+psycopg://", 1))
        try:
            backend.break_lock()
            todo = backend.to_apply(read_migrations(str(folder)))
            for migration in todo:
                _apply(backend, migration)
            return [str(migration.id) for migration in todo]
        finally:
            backend.connection.close()


def _apply(backend: DatabaseBackend, migration: Migration) -> None:
    """Do what a migration says and note it in one transaction.

    yoyo does one after the other, on two connections: whoever was killed in between had a database
    that no later start could migrate.
    """
    with backend.transaction():
        migration.process_steps(backend, "apply")
        backend.log_migration(migration, "apply")
        backend.mark_one(migration, log=False)


if __name__ == "__main__":
    sys.stdout.write(log_migration(sys.argv[1], int(sys.argv[2])))

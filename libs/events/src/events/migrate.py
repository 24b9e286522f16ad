"""Forward-only SQL migrations (yoyo applies them), and the log's first one, made from a template.

`python -m events.migrate <app role> <partitions>` prints migrations/0001_log.sql of a service.
Once a database exists that file is history: change the log by a new template and a new number.
"""

import sys
from importlib.resources import files
from pathlib import Path

from yoyo import get_backend, read_migrations  # pyright: ignore[reportMissingTypeStubs]

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

    `owner_dsn` names the role that owns the tables. Safe with several processes: yoyo locks.
    """
    backend = get_backend(owner_dsn.replace("postgresql://", "postgresql+psycopg://", 1))
    try:
        migrations = read_migrations(str(folder))
        with backend.lock(timeout=60):
            todo = backend.to_apply(migrations)
            backend.apply_migrations(todo)
        return [str(migration.id) for migration in todo]
    finally:
        backend.connection.close()


if __name__ == "__main__":
    sys.stdout.write(log_migration(sys.argv[1], int(sys.argv[2])))

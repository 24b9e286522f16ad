"""Types of the part of yoyo.migrations that is used here."""

from yoyo.backends import DatabaseBackend

class Migration:
    id: str
    def process_steps(self, backend: DatabaseBackend, direction: str) -> None: ...

class MigrationList(list[Migration]): ...

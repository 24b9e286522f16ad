"""Types of the part of yoyo-migrations 9 that is used here."""

from yoyo.backends import DatabaseBackend
from yoyo.migrations import MigrationList

def get_backend(uri: str, migration_table: str = ...) -> DatabaseBackend: ...
def read_migrations(*sources: str) -> MigrationList: ...

"""The secrets of a deployment: one file each, under the names that deploy/make-secrets gives."""

from dataclasses import dataclass
from pathlib import Path

from kembalian.grounds.databases import RolePasswords


class SecretMissing(Exception):
    """A secret's file is not there, is empty, or is not ours to read."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """A folder of files. Each method returns what one holds. Raises SecretMissing."""

    folder: Path

    def postgres(self) -> str:
        """Return the password of PostgreSQL's superuser."""
        return self._read("postgres")

    def database(self, service: str) -> RolePasswords:
        """Return the passwords of a service's two roles."""
        return RolePasswords(
            owner=self._read(f"database-{service}-owner"), app=self._read(f"database-{service}-app")
        )

    def kafka(self, principal: str) -> str:
        """Return the password of a principal of the broker."""
        return self._read(f"kafka-{principal}")

    def kafka_path(self, principal: str) -> Path:
        """Return the file of a principal's password."""
        return self.folder / f"kafka-{principal}"

    def _read(self, name: str) -> str:
        try:
            secret = (self.folder / name).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise SecretMissing(f"secret {name}: {error.strerror}") from error
        if not secret:
            raise SecretMissing(f"secret {name}: its file is empty")
        return secret

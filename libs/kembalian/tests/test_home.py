"""A home: one run at a time, secrets that last and that nobody else reads."""

import json
import stat
from pathlib import Path

import pytest

from kembalian.launcher.home import (
    LOG_BYTES_MAX,
    Home,
    HomeInUse,
    read_json,
    write_private_json,
)


def test_a_home_that_another_run_holds_is_refused(tmp_path: Path) -> None:
    first, second = Home(tmp_path), Home(tmp_path)
    first.lock()

    with pytest.raises(HomeInUse, match=r"in use by process [0-9]+"):
        second.lock()

    first.unlock()
    second.lock()
    second.unlock()


def test_a_secret_is_random_per_home_and_lasts(tmp_path: Path) -> None:
    home = Home(tmp_path / "one")

    secret = home.secret("staff-admin")

    assert Home(tmp_path / "one").secret("staff-admin") == secret
    assert Home(tmp_path / "two").secret("staff-admin") != secret
    assert stat.S_IMODE((home.root / "secrets" / "staff-admin").stat().st_mode) == 0o600


def test_a_private_file_is_replaced_whole_and_stays_private(tmp_path: Path) -> None:
    path = tmp_path / "run.json"

    for pid in (1, 2):
        write_private_json(path, {"pids": {"gateway": pid}})

    assert json.loads(path.read_text()) == {"pids": {"gateway": 2}}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [found.name for found in tmp_path.iterdir()] == ["run.json"]


def test_a_missing_file_reads_as_nothing(tmp_path: Path) -> None:
    assert read_json(tmp_path / "demo.json") == {}


def test_a_log_that_grew_too_long_is_moved_aside(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with home.log_path("gateway").open("wb") as log:
        log.truncate(LOG_BYTES_MAX + 1)

    again = home.log_path("gateway")

    assert not again.exists()
    assert again.with_suffix(".log.old").exists()

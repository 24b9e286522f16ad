"""A process that is started with wrong settings says which, without what they were."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SECRET = "a-password-nobody-may-read"


def started(module: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Start a service that cannot run with these settings alone."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KEMBALIAN_")}
    return subprocess.run(
        [sys.executable, "-m", module],
        env={**kept, **settings},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )


def test_what_is_missing_is_named_as_the_variable_that_would_set_it() -> None:
    ended = started("wallet_ledger")
    assert ended.returncode == 2
    assert ended.stderr.splitlines() == [
        "KEMBALIAN_DATABASE_URL: Field required",
        "KEMBALIAN_KAFKA_BOOTSTRAP: Field required",
    ]


def test_a_password_in_the_wrong_place_is_not_written_to_the_log(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text(SECRET)
    ended = started(
        "settlement",
        KEMBALIAN_DATABASE_URL=f"postgresql://settlement_app:{SECRET}@postgres:5432/settlement",
        KEMBALIAN_DATABASE_PASSWORD_FILE=str(password),
        KEMBALIAN_KAFKA_BOOTSTRAP="kafka:9092",
        KEMBALIAN_KAFKA_USERNAME="settlement",
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("KEMBALIAN_DATABASE_URL: Value error, it must name a role")
    assert SECRET not in ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [("KEMBALIAN_TZ", "Asia/Nowhere"), ("KEMBALIAN_LOG_LEVEL", "loud"), ("KEMBALIAN_PORT", "x")],
)
def test_a_wrong_value_ends_the_gateway_before_it_listens(name: str, value: str) -> None:
    ended = started("gateway", **{name: value})
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"{name}: ")
    assert "Traceback" not in ended.stderr

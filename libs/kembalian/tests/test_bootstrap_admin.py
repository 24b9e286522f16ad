"""`kembalian bootstrap-admin`: how a password comes in or out, and what is refused."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import pytest
from typer.testing import CliRunner, Result

from identity.config import MIGRATIONS
from identity.passwords import matches
from kembalian.cli import app
from kembalian.grounds.databases import Databases
from kembalian.testing.databases import TEST_PASSWORDS, MakeDatabase

PASSWORD = "a long password"


@pytest.fixture
def database(
    make_database: MakeDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Databases:
    """An empty identity, told of as its container is: the password in a file."""
    made = make_database("identity", MIGRATIONS)
    secret = tmp_path / "database-identity-app"
    secret.write_text(f"{TEST_PASSWORDS.app}\n")
    monkeypatch.setenv("KEMBALIAN_DATABASE_URL", made.app_dsn.replace(f":{TEST_PASSWORDS.app}", ""))
    monkeypatch.setenv("KEMBALIAN_DATABASE_PASSWORD_FILE", str(secret))
    monkeypatch.setenv("KEMBALIAN_KAFKA_BOOTSTRAP", "127.0.0.1:1")
    return made


def bootstrap(*words: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, ["bootstrap-admin", *words], input=stdin)


async def hash_of(database: Databases, username: str) -> tuple[str, str]:
    """Return (role, password hash)."""
    connection = await asyncpg.connect(database.app_dsn)
    row = await connection.fetchrow(
        "SELECT role, password_hash FROM private.account WHERE username = $1", username
    )
    await connection.close()
    assert row is not None, f"no user {username}"
    return row["role"], row["password_hash"]


def run_in_thread(*words: str, stdin: str | None = None) -> Result:
    """Run the command, which has a loop of its own, from a test that runs in one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: bootstrap(*words, stdin=stdin)).result()


async def test_a_password_is_made_up_and_shown_once(database: Databases) -> None:
    made = run_in_thread("--json")
    shown = json.loads(made.stdout)

    role, known = await hash_of(database, "admin")
    assert (made.exit_code, role, shown["username"]) == (0, "admin", "admin")
    assert matches(known, shown["password"])


async def test_a_password_from_a_file_is_taken_and_not_shown(
    database: Databases, tmp_path: Path
) -> None:
    (tmp_path / "given").write_text(f"{PASSWORD}\n")

    made = run_in_thread("--username", "siti", "--password-file", str(tmp_path / "given"))

    assert made.output == "siti may log in as admin.\n"
    assert matches((await hash_of(database, "siti"))[1], PASSWORD)


async def test_a_password_from_stdin_is_taken(database: Databases) -> None:
    made = run_in_thread("--role", "finance", "--password-file", "-", stdin=f"{PASSWORD}\n")

    role, known = await hash_of(database, "finance")
    assert (made.exit_code, role) == (0, "finance")
    assert matches(known, PASSWORD)


@pytest.mark.usefixtures("database")
def test_a_second_admin_is_refused_unless_told() -> None:
    assert bootstrap().exit_code == 0

    refused = bootstrap("--username", "second")
    told = bootstrap("--username", "second", "--another")

    assert (refused.exit_code, told.exit_code) == (2, 0)
    assert "admin has the role admin already; --another makes one more" in refused.output


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("words", "stdin", "said"),
    [
        (["--password-file", "-"], "short\n", "password: String should have at least 10"),
        (["--password-file", "-"], "", "password:"),
        (["--password-file", "/nowhere"], None, "No such file"),
        (["--username", "Not A Name"], None, "username:"),
    ],
)
def test_what_cannot_be_is_named(words: list[str], stdin: str | None, said: str) -> None:
    refused = bootstrap(*words, stdin=stdin)

    assert refused.exit_code == 2
    assert said in refused.output


def test_without_a_run_and_without_a_container_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEMBALIAN_HOME", str(tmp_path))
    monkeypatch.delenv("KEMBALIAN_DATABASE_URL", raising=False)

    refused = bootstrap()

    assert refused.exit_code == 2
    assert "nothing runs" in refused.output

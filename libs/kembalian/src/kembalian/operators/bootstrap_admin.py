"""`kembalian bootstrap-admin`: the first person of an empty system, who makes all others."""

import asyncio
import os
import secrets
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer
from pydantic import ValidationError

from events.settings import LogSettings
from identity.models import StaffLogin
from identity.operations import AlreadyThere, bootstrap_user
from kembalian.operators.live import read_run
from kembalian.operators.reading import COULD_NOT_READ
from kembalian.operators.speaking import JSON_OPTION, fail, say_json

Role = Literal["admin", "finance", "auditor", "channel"]

STDIN = "-"


def bootstrap_admin(
    *,
    username: Annotated[str, typer.Option(help="The user name; without it the role's name.")] = "",
    role: Annotated[
        Role, typer.Option(help="No call of the API makes the others either.")
    ] = "admin",
    password_file: Annotated[
        str, typer.Option(help="A file with the password, `-` for stdin.")
    ] = "",
    another: Annotated[
        bool, typer.Option("--another", help="Although somebody has this role already.")
    ] = False,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Make the first admin. Without --password-file it asks, or makes up a password and prints it.

    In a deployment: docker compose exec identity kembalian bootstrap-admin
    """
    try:
        given = _given(password_file)
        password = secrets.token_urlsafe(18) if given is None else given
        login = StaffLogin(username=username or role, password=password)
        asyncio.run(bootstrap_user(_dsn(), login.username, login.password, role, another=another))
    except ValidationError as error:
        raise fail("; ".join(_wrong(error))) from error
    except AlreadyThere as error:
        raise fail(f"{error}; --another makes one more") from error
    except COULD_NOT_READ as error:
        raise fail(str(error) or repr(error)) from error
    made = {"username": login.username, "role": role}
    if given is None:
        made["password"] = login.password
    if as_json:
        say_json(made)
        return
    typer.echo(f"{login.username} may log in as {role}.")
    if given is None:
        typer.echo(f"Password (shown this once): {login.password}")


def _given(password_file: str) -> str | None:
    """Return the password that was given, None if one is to be made up. Raises OSError."""
    if password_file == STDIN:
        return sys.stdin.readline().rstrip("\n")
    if password_file:
        return Path(password_file).read_text(encoding="utf-8").rstrip("\n")
    if not sys.stdin.isatty():
        return None
    asked: str = typer.prompt(
        "Password (empty: one is made up)",
        default="",
        show_default=False,
        hide_input=True,
        confirmation_prompt=True,
    )
    return asked or None


def _wrong(error: ValidationError) -> list[str]:
    return [": ".join([*map(str, e["loc"][-1:]), e["msg"]]) for e in error.errors()]


def _dsn() -> str:
    """Return the way into identity's database: our container's own, or the live run's.

    Raises NotRunning, ValidationError.
    """
    if "KEMBALIAN_DATABASE_URL" in os.environ:
        return LogSettings().database_url  # pyright: ignore[reportCallIssue] - the environment
    return read_run().postgres["identity"]

"""`kembalian token`: an access token of somebody in demo.json, for a try with curl."""

import asyncio
from typing import Annotated

import httpx
import typer

from kembalian.demo.door import Door, Refused
from kembalian.demo.logins import Login, Logins
from kembalian.launcher.settings import STAFF
from kembalian.operators.live import LiveRun, read_run
from kembalian.operators.reading import COULD_NOT_READ
from kembalian.operators.speaking import fail

NAMES = ("username", "card_number", "member_id")


def token(
    who: Annotated[str, typer.Argument(help="A role, user name or card number of demo.json.")],
) -> None:
    """Log in as somebody of the demo and print the access token (valid 30 minutes)."""
    try:
        run = read_run()
        login = find(Logins.of(run.home), who)
        typer.echo(asyncio.run(log_in(run, login)))
    except LookupError as error:
        raise fail(str(error)) from error
    except (Refused, TimeoutError, *COULD_NOT_READ) as error:
        raise fail(str(error) or repr(error)) from error


def find(logins: Logins, who: str) -> Login:
    """Return the login of a role (`finance`), a user name or a card number. Raises LookupError."""
    entries = [logins.content.get(role, {}) for role in STAFF]
    for group in ("operators", "cashiers", "members"):
        entries += logins.content.get(group, [])
    for entry in entries:
        if who in [entry.get(name) for name in NAMES]:
            return entry
    raise LookupError(f"nobody called {who} in {logins.home.demo_path}")


async def log_in(run: LiveRun, login: Login) -> str:
    """Return an access token. Raises Refused, TimeoutError."""
    async with httpx.AsyncClient(base_url=run.gateway, timeout=10) as client:
        door = await Door(client).login(login["username"], login["password"])
        return door.token

"""`kembalian dead-letters`: messages that a service could not handle, and what becomes of them."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Annotated, Any, TypeVar

import asyncpg
import typer

from events import dead_letters
from events.dead_letters import Letter, NoSuchLetter, NotTheFirst
from events.envelope import timestamp
from kembalian.operators.house import HOUSE
from kembalian.operators.live import read_run
from kembalian.operators.reading import COULD_NOT_READ, database
from kembalian.operators.speaking import JSON_OPTION, YES_OPTION, confirm, fail, say_json, say_table

app = typer.Typer(help="List, show, retry or discard messages that could not be handled.")

T = TypeVar("T")
Service = Annotated[str, typer.Argument(help=f"One of {', '.join(HOUSE)}.")]
LetterId = Annotated[int, typer.Argument(help="The number that `list` shows.")]


@app.command("list")
def list_letters(*, as_json: Annotated[bool, JSON_OPTION] = False) -> None:
    """List dead, parked and discarded messages of all services."""
    found = {name: _on(name, dead_letters.list_all) for name in HOUSE}
    if as_json:
        say_json([_shown(name, letter) for name, kept in found.items() for letter in kept])
        return
    rows = [
        [name, str(x.id), x.state, f"{x.topic}/{x.partition}", str(x.position), x.stream, x.reason]
        for name, kept in found.items()
        for x in kept
    ]
    columns = ["service", "id", "state", "topic", "position", "stream", "reason"]
    say_table("Dead letters", columns, rows, "No dead letters.")


@app.command("show")
def show_letter(
    service: Service, letter_id: LetterId, *, as_json: Annotated[bool, JSON_OPTION] = False
) -> None:
    """Show one message whole."""
    letter = _on(service, lambda connection: dead_letters.show(connection, letter_id))
    if as_json:
        say_json(_shown(service, letter))
        return
    for name, value in _shown(service, letter).items():
        typer.echo(f"{name}: {value}")


@app.command("retry")
def retry_letter(
    service: Service, letter_id: LetterId, *, as_json: Annotated[bool, JSON_OPTION] = False
) -> None:
    """Handle a dead message again, and all that waits behind it. Fails whole or succeeds whole."""
    project = HOUSE[service].project if service in HOUSE else None
    if project is None:
        raise fail(f"{service} handles no messages")
    handled = _on(service, lambda connection: dead_letters.retry(connection, letter_id, project))
    _say_handled(handled, as_json=as_json)


@app.command("discard")
def discard_letter(
    service: Service,
    letter_id: LetterId,
    *,
    yes: Annotated[bool, YES_OPTION] = False,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Leave a dead message out for ever, also in a rebuild, and handle what waits behind it."""
    project = HOUSE[service].project if service in HOUSE else None
    if project is None:
        raise fail(f"{service} handles no messages")
    confirm(f"Leave message {letter_id} of {service} out for ever?", yes=yes)
    handled = _on(service, lambda connection: dead_letters.discard(connection, letter_id, project))
    _say_handled(handled, as_json=as_json)


def _say_handled(handled: int, *, as_json: bool) -> None:
    if as_json:
        say_json({"handled": handled})
    else:
        typer.echo(f"{handled} messages handled.")


def _on(service: str, act: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
    """Return what `act` does on the database of a service; ends with a reason where it cannot."""
    if service not in HOUSE:
        raise fail(f"there is no service {service}: one of {', '.join(HOUSE)}")

    async def connected() -> T:
        async with database(read_run(), service) as connection:
            return await act(connection)

    try:
        return asyncio.run(connected())
    except (NoSuchLetter, NotTheFirst) as error:
        raise fail(str(error)) from error
    except COULD_NOT_READ as error:
        raise fail(str(error) or repr(error)) from error
    except Exception as error:
        raise fail(f"it failed again, and nothing was changed: {error!r}") from error


def _shown(service: str, letter: Letter) -> dict[str, Any]:
    shown = {"service": service, **asdict(letter), "body": letter.body.decode(errors="replace")}
    for name in ("recorded_at", "seen_at"):
        moment = getattr(letter, name)
        shown[name] = None if moment is None else timestamp(moment)
    return shown

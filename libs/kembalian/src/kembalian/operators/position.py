"""`kembalian position`: what stores are owed, owe and still hold, now or at a past moment."""

import asyncio
from typing import Annotated, Any, Literal

import typer

import catalog.operations
import settlement.operations
import wallet_ledger.operations
from events.envelope import MalformedEvent, UnknownEventType
from events.place import Place
from events.source import LogSource, SourceEnded
from events.topics import WALLET
from kembalian.operators.live import LiveRun, read_run
from kembalian.operators.reading import COULD_NOT_READ, consumed, place_in
from kembalian.operators.speaking import (
    INTERRUPTED,
    JSON_OPTION,
    fail,
    progress,
    say_json,
    say_table,
)
from settlement.domain import PLATFORM, Position
from settlement.folding import positions_of
from settlement.meaning import UnknownEvent
from web.problems import Problem

Where = Literal["views", "log"]


class NotThere(ValueError):
    """The moment that was asked for cannot be answered from there, or there is no such store."""


def position(
    store_id: Annotated[str | None, typer.Argument(help="A store; all of them without.")] = None,
    *,
    as_of: Annotated[
        str | None, typer.Option(help="A past moment, such as 2026-11-22T10:00:00Z.")
    ] = None,
    at: Annotated[
        str | None, typer.Option("--position", help="A ledger_position of all partitions.")
    ] = None,
    source: Annotated[
        Where, typer.Option("--from", help="Settlement's views, or a new fold of the ledger's log.")
    ] = "views",
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Show receivable, liability, what is issued, net and position of stores, in rupiah.

    From settlement's views; `--from log` folds the ledger's own log anew, which takes longer and
    depends on no view.
    """
    try:
        with progress("position", quiet=as_json) as begin:
            tell = begin("events")
            asked = look(read_run(), source, store_id, as_of=as_of, position=at, tell=tell)
            found, place = asyncio.run(asked)
    except Problem as problem:
        reasons = "; ".join(f"{e['field']} {e['message']}" for e in problem.errors)
        raise fail(reasons or problem.detail) from problem
    except (NotThere, SourceEnded, MalformedEvent, UnknownEvent, UnknownEventType) as error:
        raise fail(str(error)) from error
    except COULD_NOT_READ as error:
        raise fail(str(error) or repr(error)) from error
    except KeyboardInterrupt as stop:
        raise fail(INTERRUPTED) from stop
    result = {
        "from": source,
        "ledger_position": str(place),
        "positions": [
            {"store_id": store, **_shown(figures)} for store, figures in sorted(found.items())
        ],
    }
    if as_json:
        say_json(result)
        return
    _say(result)


async def look(
    run: LiveRun,
    source: Where,
    store_id: str | None = None,
    *,
    as_of: str | None,
    position: str | None,
    tell: Any,
) -> tuple[dict[str, Position], Place]:
    """Return store -> position (of one store, if one is named) and the place that it is for.

    Raises NotThere, Problem.
    """
    ledger = run.postgres["wallet-ledger"]
    place = await wallet_ledger.operations.place(ledger, as_of=as_of, position=position)
    if source == "log":
        found = await positions_of(LogSource(ledger), place, tell)
    else:
        reached = place_in(await consumed(run, "settlement"), WALLET)
        if as_of is None and position is None:
            place = reached
        elif not reached.reaches(place):
            raise NotThere(f"settlement's views are at {reached}, not yet at {place}")
        found = await settlement.operations.positions(run.postgres["settlement"], place)
    if store_id is not None:
        found = {store_id: found.get(store_id) or await _unmoved(run, store_id)}
    return found, place


async def _unmoved(run: LiveRun, store_id: str) -> Position:
    """Return the zeros of a store that has not moved yet. Raises NotThere for one mistyped."""
    if store_id != PLATFORM and not await catalog.operations.is_known(
        run.postgres["catalog"], store_id
    ):
        raise NotThere(f"there is no store {store_id}")
    return Position()


def _shown(position: Position) -> dict[str, int]:
    return {
        "receivable": position.receivable,
        "liability": position.liability,
        "issued": position.issued,
        "net": position.net,
        "position": position.position,
    }


def _say(result: dict[str, Any]) -> None:
    names = ("receivable", "liability", "issued", "net", "position")
    rows = [
        [line["store_id"], *(str(line[name]) for name in names)] for line in result["positions"]
    ]
    where = "settlement's views" if result["from"] == "views" else "the ledger's log"
    title = f"Rupiah, from {where}, at {result['ledger_position']}"
    say_table(title, ["store", *names], rows, f"No store has moved ({title}).")

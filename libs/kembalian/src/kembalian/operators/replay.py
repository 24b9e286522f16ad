"""`kembalian replay`: views made a second time from the events, and compared with the live ones."""

import asyncio
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, Literal

import typer

import settlement.replaying
import wallet_ledger.replaying
from events import log, parallel
from events.envelope import MalformedEvent, UnknownEventType
from events.parallel import WorkFailed
from events.place import Place
from events.replaying import Difference, Found, Part, replay_part
from events.shadow import OtherReplay, ReplayRunning, Shadowed, ViewsInMotion, prepared
from events.source import LogSource, Source, SourceEnded, TopicSource
from events.topics import WALLET
from kembalian.operators.live import LiveRun, read_run
from kembalian.operators.reading import COULD_NOT_READ, database, size
from kembalian.operators.speaking import JSON_OPTION, Begin, fail, progress, say_json, say_table
from settlement.meaning import UnknownEvent
from wallet_ledger.publish import NotAWalletEvent

EXIT_DIFFERENCES = 1

REPLAYED: dict[str, Shadowed] = {
    "wallet-ledger": wallet_ledger.replaying.SHADOWED,
    "settlement": settlement.replaying.SHADOWED,
}

COULD_NOT_REPLAY = (
    MalformedEvent,
    NotAWalletEvent,
    OtherReplay,
    ReplayRunning,
    SourceEnded,
    UnknownEvent,
    UnknownEventType,
    ViewsInMotion,
    WorkFailed,
    *COULD_NOT_READ,
)

HOW_TO_GO_ON = "interrupted: the same command goes on where it was, --restart begins anew"


@dataclass(slots=True)
class Outcome:
    """What one replay came to; `place` is where both sides were compared."""

    service: str
    source: str
    taken_up: bool = False
    events: int = 0
    place: str = ""
    different: int = 0
    first: list[Difference] = field(default_factory=list[Difference])

    def shown(self) -> dict[str, Any]:
        """Return it as JSON."""
        shown = asdict(self)
        shown["first"] = [difference._asdict() for difference in self.first]
        return {**shown, "same": not self.different}


def replay(
    service: Annotated[str, typer.Argument(help=f"One of {', '.join(REPLAYED)}.")],
    *,
    source: Annotated[
        Literal["postgres", "kafka"],
        typer.Option("--from", help="Read the ledger's own log, or its topic."),
    ] = "postgres",
    restart: Annotated[
        bool, typer.Option("--restart", help="Forget an unfinished replay.")
    ] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the schema `shadow` there for a look.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="List at most so many rows.")] = 20,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Replay all events into shadow views and compare them with the live ones.

    Safe while clients write: nothing live is locked or changed. After Ctrl-C or a kill it goes on
    where it was. Exit code: 0 the same, 1 rows differ, 2 could not.
    """
    if service not in REPLAYED:
        raise fail(f"there is no replay of {service}: one of {', '.join(REPLAYED)}")
    try:
        with progress(f"replay {service}", quiet=as_json) as begin:
            asked = run_replay(
                read_run(), service, source, begin, restart=restart, keep=keep, listed=limit
            )
            outcome = asyncio.run(asked)
    except COULD_NOT_REPLAY as error:
        raise fail(f"could not replay: {error or repr(error)}") from error
    except KeyboardInterrupt as stop:
        raise fail(HOW_TO_GO_ON) from stop
    if as_json:
        say_json(outcome.shown())
    else:
        _say(outcome)
    if outcome.different:
        raise typer.Exit(EXIT_DIFFERENCES)


async def run_replay(
    run: LiveRun,
    service: str,
    source: Literal["postgres", "kafka"],
    begin: Begin,
    *,
    restart: bool = False,
    keep: bool = False,
    listed: int = 20,
    processes: int | None = None,
) -> Outcome:
    """Replay and compare the views of a service. Raises what COULD_NOT_REPLAY names."""
    shadowed, dsn = REPLAYED[service], run.postgres_admin[service]
    async with database(run, "wallet-ledger") as connection:
        heads = await log.heads(connection)
    outcome = Outcome(service, source)
    tell, total = begin("events"), size(heads)
    reached: dict[int, int] = {}
    async with prepared(dsn, shadowed, source, restart=restart, keep=keep) as outcome.taken_up:
        read_from = source_of(run, source)
        parts = [
            Part(dsn, shadowed, read_from, partition, listed)
            for partition, _ in sorted(heads.positions, key=lambda at: -at[1])
        ]
        many = parallel.processes_for(total) if processes is None else processes
        async for told in parallel.spread(replay_part, parts, many):
            reached[told[0]] = told[1]
            if isinstance(told, Found):
                outcome.different += told.different
                outcome.first += told.first
            tell(sum(reached.values()), max(total, sum(reached.values())))
    place = Place.of(reached)
    outcome.events, outcome.place = size(place), str(place)
    outcome.first = sorted(outcome.first, key=lambda row: row[:3])[:listed]
    return outcome


def source_of(run: LiveRun, name: Literal["postgres", "kafka"]) -> Source:
    """Return where a replay reads the wallet events."""
    if name == "postgres":
        return LogSource(run.postgres["wallet-ledger"])
    return TopicSource(run.broker, WALLET)


def _say(outcome: Outcome) -> None:
    if outcome.taken_up:
        typer.echo("An unfinished replay was taken up.")
    where = f"{outcome.events} events from {outcome.source}, up to {outcome.place}"
    rows = [[row.view, row.key, row.live or "-", row.replayed or "-"] for row in outcome.first]
    same = f"The views of {outcome.service} are as their events say: {where}."
    say_table("Rows that differ", ["view", "key", "live", "replayed"], rows, same)
    if outcome.different:
        typer.echo(f"{outcome.different} rows differ, {len(rows)} are shown; {where}.")

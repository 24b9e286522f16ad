"""`kembalian verify`: is all money where it must be? The invariants, on the live system."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from events.contracts.checkpoint import CheckpointSigned
from events.finding import Finding
from events.parallel import WorkFailed, processes_at_most
from events.place import Place
from events.shadow import ViewsInMotion
from events.topics import CHECKPOINTS
from events.worker import forked_ahead
from kembalian.operators import checkpoints
from kembalian.operators.checks import all_pieces, checked
from kembalian.operators.findings import Lowest, More
from kembalian.operators.live import LiveRun, read_run
from kembalian.operators.reading import (
    COULD_NOT_READ,
    heads,
    published,
    reached,
    size,
    wait_for_service,
    wait_until,
)
from kembalian.operators.services import SERVICES
from kembalian.operators.speaking import (
    INTERRUPTED,
    JSON_OPTION,
    Begin,
    Tell,
    fail,
    progress,
    say_json,
    say_table,
)
from settlement.streams import CouldNotCheck
from wallet_ledger.checkpoint_audit import NotACheckpoint, read_kept

EXIT_FINDINGS = 1


@dataclass(slots=True)
class Report:
    """What a verification came to; `lag` counts events not yet there, which is no finding.

    `more` counts the findings of a service's partition behind those that are shown.
    """

    events: int = 0
    lag: dict[str, int] = field(default_factory=dict[str, int])
    findings: list[Finding] = field(default_factory=list[Finding])

    more: list[More] = field(default_factory=list[More])


KEPT_OPTION = typer.Option(
    "--checkpoint", help="A checkpoint that you kept: the API's answer, in a file."
)


def verify(
    *,
    checkpoint: Annotated[Path | None, KEPT_OPTION] = None,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Check invariants 1-5 and 7-10. Exit code: 0 clean, 1 findings, 2 could not check."""
    try:
        kept = read_kept(checkpoint) if checkpoint else None
        with forked_ahead(processes_at_most()), progress("verify", quiet=as_json) as begin:
            report = asyncio.run(run_verify(read_run(), begin, kept))
    except (NotACheckpoint, CouldNotCheck, ViewsInMotion, WorkFailed, *COULD_NOT_READ) as error:
        raise fail(f"could not check: {error or repr(error)}") from error
    except KeyboardInterrupt as stop:
        raise fail(INTERRUPTED) from stop
    if as_json:
        say_json(shown(report))
    else:
        _say(report)
    if report.findings:
        raise typer.Exit(EXIT_FINDINGS)


async def run_verify(run: LiveRun, begin: Begin, kept: CheckpointSigned | None = None) -> Report:
    """Take every log's place, let relays and projections reach it, then check everything.

    `kept` is a checkpoint that an outsider kept. Raises CouldNotCheck, ViewsInMotion, or what
    COULD_NOT_READ names.
    """
    at, signed = await heads(run), await checkpoints.head(run)
    report = Report(events=sum(size(place) for place in at.values()))
    for name, service in SERVICES.items():
        there = await wait_until(
            lambda topic=service.topic: published(run, topic), at[name], begin(f"{name} to Kafka")
        )
        _note_lag(report, f"{name} to Kafka", size(at[name]) - reached(there, at[name]))
    there = await wait_until(
        lambda: published(run, CHECKPOINTS), signed, begin("checkpoints to Kafka")
    )
    _note_lag(report, "checkpoints to Kafka", size(signed) - reached(there, signed))
    for name, service in SERVICES.items():
        places = await wait_for_service(run, name, at, begin(f"{name} catching up"))
        for topic in service.consumes:
            owner = next(other for other, found in SERVICES.items() if found.topic == topic)
            behind = size(at[owner]) - reached(places[topic.name], at[owner])
            _note_lag(report, f"{name} from {topic.name}", behind)
    lowest = Lowest()
    for check in (
        _all_checks(run, at, begin("checking")),
        checkpoints.check_signed(run, kept, begin("checkpoints")),
        checkpoints.check_published(run, signed),
    ):
        await _take_all(check, lowest)
    report.findings = sorted(lowest.findings(), key=_in_the_house)
    report.more = sorted(lowest.more(), key=_in_the_house)
    return report


async def _take_all(check: AsyncGenerator[Finding | More], lowest: Lowest) -> None:
    async with aclosing(check):
        async for found in check:
            if isinstance(found, More):
                lowest.take_refused(found)
            else:
                lowest.take(found)


async def _all_checks(
    run: LiveRun, at: Mapping[str, Place], tell: Tell
) -> AsyncGenerator[Finding | More]:
    """Yield what is wrong in all logs, topics and views; all cores take piece after piece."""
    async with all_pieces(run, at) as pieces, aclosing(checked(pieces, tell)) as found:
        async for finding in found:
            yield finding


def _in_the_house(found: Finding | More) -> tuple[int, int, int]:
    """Return where it stands in a report: by service, then by place, the first one first."""
    partition = -1 if found.partition is None else found.partition
    position = found.position if isinstance(found, Finding) else None
    return (list(SERVICES).index(found.service), partition, -1 if position is None else position)


def _note_lag(report: Report, what: str, events: int) -> None:
    if events > 0:
        report.lag[what] = events


def shown(report: Report) -> dict[str, Any]:
    """Return a report as JSON: {clean, events, lag, findings, more}."""
    return {
        "clean": not report.findings,
        "events": report.events,
        "lag": report.lag,
        "findings": [asdict(finding) for finding in report.findings],
        "more": [asdict(more) for more in report.more],
    }


def _say(report: Report) -> None:
    for what, events in report.lag.items():
        typer.echo(f"lag: {what} is {events} events behind (not a finding)")
    rows = [
        [
            str(x.invariant),
            x.service,
            _text(x.partition),
            _text(x.position),
            x.stream or "",
            x.detail,
        ]
        for x in report.findings
    ]
    columns = ["invariant", "service", "partition", "position", "stream", "what is wrong"]
    clean = f"Clean: {report.events} events, invariants 1-5 and 7-10 hold."
    say_table("Findings", columns, rows, clean)
    for more in report.more:
        part = "" if more.partition is None else f", partition {more.partition}"
        typer.echo(f"and {more.findings} more of {more.service}{part}, behind those shown")


def _text(number: int | None) -> str:
    return "" if number is None else str(number)

"""`kembalian bench`: build a town, measure the house, print the table, write JSON."""

import asyncio
import json
import os
import platform
import shutil
import sys
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from kembalian.bench import rows as table
from kembalian.bench.bench import Bench, Pace
from kembalian.bench.catalogue import MEASURES
from kembalian.bench.children import until_told
from kembalian.bench.driving import LoadFailed
from kembalian.bench.house import HouseFailed, running, shown_settings
from kembalian.bench.rows import Row
from kembalian.bench.town import Tokens, found
from kembalian.operators.reading import COULD_NOT_READ
from kembalian.operators.speaking import fail, say_table

STORES = 50
QUICK = Pace(rounds=3, seconds=3, warm_seconds=1, full=False)
USUAL = Pace(rounds=5, seconds=5, warm_seconds=1.5, full=False)
FULL = Pace(rounds=7, seconds=8, warm_seconds=2, full=True)


def bench(
    measures: Annotated[
        list[str] | None, typer.Argument(help=f"Which: {', '.join(MEASURES)}; none = all short.")
    ] = None,
    *,
    quick: Annotated[bool, typer.Option("--quick", help="Shorter rounds, 10,000 wallets.")] = False,
    full: Annotated[
        bool, typer.Option("--full", envvar="FULL", help="The long measures too.")
    ] = False,
    wallets: Annotated[int, typer.Option(help="Wallets to begin with.")] = 0,
    home: Annotated[
        Path | None, typer.Option(help="Keep the house here and use it again (default: a new one).")
    ] = None,
    out: Annotated[Path, typer.Option(help="Where the JSON goes.")] = Path("bench/results"),
) -> None:
    """Measure what `make run` serves, on this machine, beside what it could do at most."""
    unknown = set(measures or ()) - set(MEASURES)
    if unknown:
        raise fail(f"no measure is called {', '.join(sorted(unknown))}: {', '.join(MEASURES)}")
    chosen = measures or [name for name, one in MEASURES.items() if full or not one.long]
    pace = QUICK if quick else FULL if full else USUAL
    count = wallets or (10_000 if quick else 100_000)
    root = (home or Path("bench") / f"home-{os.getpid()}").resolve()
    try:
        found_rows, about = asyncio.run(until_told(_measure(chosen, pace, count, root)))
    except HouseFailed as error:
        raise fail(str(error)) from error
    except asyncio.CancelledError as stop:
        raise fail("ended by SIGTERM: nothing is written") from stop
    finally:
        if home is None:
            shutil.rmtree(root, ignore_errors=True)
    say_table("kembalian bench", table.COLUMNS, [table.cells(row) for row in found_rows], "Nothing")
    typer.echo(", ".join(f"{name}={value}" for name, value in about["postgres"].items()))
    written = _write(out, table.document(found_rows, about))
    typer.echo(f"written to {written}")
    if about["failed"]:
        raise fail(f"could not be measured: {', '.join(about['failed'])}")


async def _measure(
    chosen: list[str], pace: Pace, wallets: int, root: Path
) -> tuple[list[Row], dict[str, Any]]:
    """Return all rows, and what is to be known about the run."""
    began = datetime.now(UTC)
    async with AsyncExitStack() as stack:
        _say(f"starting the house in {root}")
        run = await stack.enter_async_context(running(root))
        town = await found(run, stores=STORES, wallets=wallets, say=_say)
        tokens = Tokens(run, town)
        measured: list[Row] = []
        failed: dict[str, str] = {}
        for name in chosen:
            _say(f"measuring {name}")
            await tokens.renew()
            try:
                measured += await MEASURES[name].run(Bench(run, town, tokens, pace, _say))
            except (LoadFailed, *COULD_NOT_READ) as error:  # the others are still worth having
                failed[name] = repr(error)
                _say(f"{name} failed: {error!r}")
        about = {
            "began": began.isoformat(),
            "failed": failed,
            "seconds": round((datetime.now(UTC) - began).total_seconds()),
            "machine": _machine(),
            "wallets": town.wallets,
            "stores": len(town.stores),
            "kafka": run.kafka_ground,
            "postgres": await shown_settings(run),
        }
    return measured, about


def _machine() -> dict[str, Any]:
    return {
        "cpus": os.cpu_count(),
        "load_average": os.getloadavg(),
        "platform": platform.platform(),
        "python": platform.python_version(),
    }


def _write(out: Path, content: dict[str, Any]) -> Path:
    path = out
    if out.suffix != ".json":
        path = out / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n")
    return path


def _say(line: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {line}", file=sys.stderr, flush=True)

"""How the operators' commands speak: progress on stderr, results on stdout, as text or as JSON."""

import json
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from kembalian.operators.pace import Pace

JSON_OPTION = typer.Option("--json", help="Print the result as JSON on stdout.")
YES_OPTION = typer.Option("--yes", help="Do not ask before something is changed.")

COULD_NOT = 2
"""Exit code of a command that could not do what was asked."""

INTERRUPTED = "interrupted: nothing was changed, begin again"
"""What a command says after Ctrl-C that only reads."""

LINE_SECONDS = 5.0
LOOK_SECONDS = 0.2

Tell = Callable[[int, int], None]
Begin = Callable[[str], Tell]


@contextmanager
def progress(what: str, *, quiet: bool) -> Generator[Begin]:
    """Give a function that begins a step and returns its `tell(done, total)`.

    A terminal sees a bar with rate and time left, a log a line every LINE_SECONDS.
    """
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}"),
        console=Console(stderr=True),
        transient=True,
        disable=quiet or not sys.stderr.isatty(),
    )

    def begin(step: str) -> Tell:
        task = bar.add_task(f"{what}: {step}", total=None, pace="")
        pace, clock = Pace(), time.monotonic
        said = looked = clock()

        def tell(done: int, total: int) -> None:
            nonlocal said, looked
            now = clock()
            if now - looked >= LOOK_SECONDS:
                looked = now
                pace.look(now, done)
            bar.update(task, completed=done, total=total, pace=pace.said(total))
            if bar.disable and not quiet and now - said >= LINE_SECONDS:
                said = now
                typer.echo(f"{what}: {step} {done:,} of {total:,}, {pace.said(total)}", err=True)

        return tell

    with bar:
        yield begin


def say_json(result: Any) -> None:
    """Print one JSON document."""
    typer.echo(json.dumps(result, ensure_ascii=False, indent=2))


def say_table(title: str, columns: list[str], rows: list[list[str]], empty: str) -> None:
    """Print a table, or the line `empty` if there is nothing in it."""
    if not rows:
        typer.echo(empty)
        return
    table = Table(*columns, title=title, title_justify="left")
    for row in rows:
        table.add_row(*row)
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something is changed. Raises typer.Exit if the answer is no."""
    if yes:
        return
    if not sys.stdin.isatty():
        typer.echo(f"{question} Say --yes to do it without being asked.", err=True)
        raise typer.Exit(COULD_NOT)
    typer.confirm(question, abort=True)


def fail(reason: str) -> typer.Exit:
    """Say on stderr why nothing could be done; return what to raise."""
    typer.echo(f"kembalian: {reason}", err=True)
    return typer.Exit(COULD_NOT)

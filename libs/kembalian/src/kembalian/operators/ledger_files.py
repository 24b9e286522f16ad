"""`kembalian export` and `import`: the whole ledger as a file that proves itself."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import asyncpg
import typer

from kembalian.operators.live import read_run
from kembalian.operators.reading import COULD_NOT_READ
from kembalian.operators.speaking import (
    JSON_OPTION,
    YES_OPTION,
    confirm,
    fail,
    progress,
    say_json,
)
from wallet_ledger.checkpoint_audit import NotACheckpoint
from wallet_ledger.exporting import NotExportable, export_ledger
from wallet_ledger.importing import NotEmpty, NotProven, import_ledger, prove
from wallet_ledger.ledger_proof import Proof
from wallet_ledger.signed_file import Held, NotSigned, read_signed, signed_beside

COULD_NOT = (
    *(NotExportable, NotEmpty, NotProven, NotSigned, NotACheckpoint),
    *(asyncpg.PostgresError, *COULD_NOT_READ),
)

T = TypeVar("T")

File = Annotated[Path, typer.Argument(help="The file; compressed if its name ends in .gz.")]
Database = Annotated[
    str | None,
    typer.Option(
        "--database",
        envvar="KEMBALIAN_LEDGER_DSN",
        help="A wallet-ledger database that is not the live run's (postgresql://...).",
    ),
]


def export_file(
    file: File,
    *,
    database: Database = None,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Write the ledger and its kept answers to a file that proves itself.

    Safe while clients write: the file holds the ledger as it is when the command begins. Until it
    is whole it is called FILE.part; after Ctrl-C or a kill the same command goes on with that.
    """
    if file.exists():
        raise fail(f"{file} is there already")

    def work(tell: Callable[[int, int], None]) -> Proof:
        dsn = database or read_run().postgres["wallet-ledger"]
        return asyncio.run(export_ledger(dsn, file, tell))

    proof = _doing(
        "export", work, f"interrupted: the same command goes on with {file}.part", as_json
    )
    _say(proof, f"written to {file}", as_json)
    if not as_json and signed_beside(file).exists():
        typer.echo(f"its newest checkpoint: {signed_beside(file)}")


def import_file(
    file: File,
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Only prove the file; no database is needed.")
    ] = False,
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="A checkpoint: the file must hold the history that it signed."),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(help="The public key that you trust (64 hexadecimal digits)."),
    ] = None,
    database: Database = None,
    yes: Annotated[bool, YES_OPTION] = False,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Read a ledger out of a file into an empty ledger database, and prove it on the way.

    All or nothing: a bad line, Ctrl-C or a kill changes nothing. Views are made too, so `kembalian
    verify` is clean afterwards. Exit code: 0 done, 2 not (the first bad line is named).
    """
    if (checkpoint is None) != (key is None):
        raise fail("--checkpoint and --key belong together")
    if not check:
        confirm(f"Import {file} into the ledger?", yes=yes)

    def work(tell: Callable[[int, int], None]) -> Proof:
        held = _held(checkpoint, key) if checkpoint and key else None
        if check:
            return prove(file, tell, held)
        dsn = database or read_run().postgres_admin["wallet-ledger"]
        return asyncio.run(import_ledger(dsn, file, tell, held))

    proof = _doing("import", work, "interrupted: nothing was changed", as_json)
    _say(proof, "proven" if check else f"imported from {file}", as_json)
    if checkpoint and not as_json:
        typer.echo(f"This is the history that {checkpoint} signed.")


def _held(checkpoint: Path, key: str) -> Held:
    """Return what to hold the file against. Raises NotACheckpoint, NotSigned."""
    signed = read_signed(checkpoint)
    signed.require(key.strip().lower())
    return Held(signed.checkpoint)


def _doing(
    what: str, work: Callable[[Callable[[int, int], None]], T], stopped: str, quiet: bool
) -> T:
    try:
        with progress(what, quiet=quiet) as begin:
            return work(begin("events"))
    except COULD_NOT as error:
        raise fail(f"could not {what}: {error or repr(error)}") from error
    except KeyboardInterrupt as stop:
        raise fail(stopped) from stop


def _say(proof: Proof, done: str, as_json: bool) -> None:
    shown = _shown(proof)
    if as_json:
        say_json(shown)
        return
    typer.echo(f"{proof.events} events and {proof.outcomes} kept answers {done}.")
    typer.echo(f"digest {shown['digest']}")
    for head in shown["heads"]:
        typer.echo(f"partition {head['partition']}: {head['position']} {head['link']}")


def _shown(proof: Proof) -> dict[str, Any]:
    heads = [
        {"partition": p, "position": position, "link": link.hex()}
        for p, (position, link) in proof.last.items()
    ]
    counts = {"events": proof.events, "links": proof.links, "outcomes": proof.outcomes}
    return {**counts, "digest": proof.digest.hexdigest(), "heads": heads}

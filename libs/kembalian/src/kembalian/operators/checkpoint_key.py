"""`kembalian checkpoint-key`: the keys that sign checkpoints, and a new one for the old."""

import asyncio
from pathlib import Path
from typing import Annotated

import asyncpg
import typer

from kembalian.operators.live import read_run
from kembalian.operators.reading import COULD_NOT_READ
from kembalian.operators.speaking import (
    JSON_OPTION,
    YES_OPTION,
    confirm,
    fail,
    say_json,
    say_table,
)
from wallet_ledger import checkpoint_keys
from wallet_ledger.checkpoints import shown
from wallet_ledger.signing import NoKey

app = typer.Typer(help="The keys that sign the ledger's checkpoints.", no_args_is_help=True)

DSN_OPTION = typer.Option("--dsn", help="wallet-ledger's database; default: of the run.")
KEY_FILE_OPTION = typer.Option(
    "--key-file",
    envvar="KEMBALIAN_CHECKPOINT_KEY_FILE",
    help="The private keys; default: of the home.",
)

FAILURES = (NoKey, checkpoint_keys.Rotating, asyncpg.PostgresError, *COULD_NOT_READ)


@app.command("list")
def list_keys(
    *,
    dsn: Annotated[str | None, DSN_OPTION] = None,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """List the public keys, oldest first, and the first checkpoint that each signs."""
    try:
        found = asyncio.run(checkpoint_keys.listed(dsn or read_run().postgres["wallet-ledger"]))
    except FAILURES as error:
        raise fail(str(error) or repr(error)) from error
    if as_json:
        say_json({"items": [shown(key) for key in found]})
        return
    rows = [[str(key.first_checkpoint), key.at, key.public_key] for key in found]
    say_table("Keys of checkpoints", ["from number", "since", "public key"], rows, "No key yet.")


@app.command("rotate")
def rotate(
    *,
    dsn: Annotated[str | None, DSN_OPTION] = None,
    key_file: Annotated[Path | None, KEY_FILE_OPTION] = None,
    yes: Annotated[bool, YES_OPTION] = False,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Let a new key sign from the next checkpoint on; the old one signs that it does."""
    try:
        run = None if dsn and key_file else read_run()
        database = dsn or (run.postgres["wallet-ledger"] if run else "")
        path = key_file or (run.home.checkpoint_key_path if run else Path())
        confirm("Make a new key sign the checkpoints from now on?", yes=yes)
        made = asyncio.run(checkpoint_keys.rotate(database, path))
    except FAILURES as error:
        raise fail(str(error) or repr(error)) from error
    if as_json:
        say_json(shown(made))
        return
    typer.echo(f"From checkpoint {made.first_checkpoint} on signs {made.public_key}.")
    typer.echo("Publish it beside the old ones. The old private key was erased from the file.")

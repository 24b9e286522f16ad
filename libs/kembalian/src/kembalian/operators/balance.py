"""`kembalian balance`: a member's wallet at any moment, folded from the log."""

import asyncio
from typing import Annotated

import typer

from events.place import Place
from kembalian.operators.live import read_run
from kembalian.operators.reading import COULD_NOT_READ
from kembalian.operators.speaking import INTERRUPTED, JSON_OPTION, fail, say_json, say_table
from wallet_ledger import operations
from web.problems import Problem


def balance(
    member_id: Annotated[str, typer.Argument(help="The member's id, which is the wallet's.")],
    *,
    as_of: Annotated[
        str | None, typer.Option(help="A past moment, such as 2026-11-22T10:00:00Z.")
    ] = None,
    position: Annotated[str | None, typer.Option(help="A ledger_position.")] = None,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Show balance and buckets of a wallet, now or at a past moment."""
    try:
        if position is not None:
            Place.parse(position)
        dsn = read_run().postgres["wallet-ledger"]
        wallet = asyncio.run(operations.balance(dsn, member_id, as_of=as_of, position=position))
    except Problem as problem:
        reasons = "; ".join(f"{e['field']} {e['message']}" for e in problem.errors)
        raise fail(reasons or problem.detail) from problem
    except COULD_NOT_READ as error:
        raise fail(str(error) or repr(error)) from error
    except ValueError as error:
        raise fail("--position is not a ledger position") from error
    except KeyboardInterrupt as stop:
        raise fail(INTERRUPTED) from stop
    if as_json:
        say_json(wallet)
        return
    if not wallet["version"]:
        typer.echo(f"No event of the wallet {member_id} up to {wallet['as_of']}.")
        return
    typer.echo(f"{wallet['balance']} rupiah at {wallet['as_of']} ({wallet['ledger_position']})")
    rows = [[bucket["issuer"], str(bucket["balance"])] for bucket in wallet["buckets"]]
    say_table("Held by", ["issuer", "rupiah"], rows, "No store holds anything.")

"""`kembalian rebuild`: drop a service's views, fill them again, and compare before and after."""

import asyncio
from typing import Annotated, Any

import asyncpg
import typer

import settlement.operations
import settlement.refilling
import wallet_ledger.rebuilding
from events.parallel import WorkFailed, get_ready, processes_for
from events.source import LogSource, SourceEnded
from events.view_digest import Digest
from kembalian.operators.house import HOUSE
from kembalian.operators.live import LiveRun, read_run
from kembalian.operators.reading import COULD_NOT_READ, heads, size, wait_for_service
from kembalian.operators.services import OWNER_OF
from kembalian.operators.speaking import (
    JSON_OPTION,
    YES_OPTION,
    Tell,
    confirm,
    fail,
    progress,
    say_json,
)
from settlement.operations import RebuildStalled as SettlementStalled
from wallet_ledger.operations import RebuildStalled as LedgerStalled

VIEW_IS_GONE = (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError)

WORK = {
    "settlement": settlement.refilling.__name__,
    "wallet-ledger": wallet_ledger.rebuilding.__name__,
}
"""What other processes will import, who begin with it while the views are read as they are."""

STOPPED = "interrupted: what comes from topics goes on being refilled; the same command again"


def rebuild(
    service: Annotated[str, typer.Argument(help=f"One of {', '.join(HOUSE)}.")],
    *,
    yes: Annotated[bool, YES_OPTION] = False,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Drop and refill the views of a running service; when it returns, the whole view answers."""
    if service not in HOUSE:
        raise fail(f"there is no service {service}: one of {', '.join(HOUSE)}")
    confirm(f"Drop and refill the views of {service}?", yes=yes)
    try:
        with progress(f"rebuild {service}", quiet=as_json) as begin:
            result = asyncio.run(run_rebuild(read_run(), service, begin("events")))
    except (LedgerStalled, SettlementStalled, SourceEnded, WorkFailed, *COULD_NOT_READ) as error:
        raise fail(str(error) or repr(error)) from error
    except KeyboardInterrupt as stop:
        raise fail(STOPPED) from stop
    if as_json:
        say_json(result)
        return
    typer.echo(f"before  {result['before'] or 'the views were gone'}")
    typer.echo(f"after   {result['after']}  ({result['rows']} rows)")
    if result["before"] == result["after"]:
        typer.echo("The views are the same to the byte.")
    else:
        typer.echo("The views differ: they were wrong or gone before, or events came meanwhile.")


async def run_rebuild(run: LiveRun, service: str, tell: Tell) -> dict[str, Any]:
    """Rebuild and return {service, before, after, rows}: the digests of its views.

    Raises the service's RebuildStalled, SourceEnded, WorkFailed, or what COULD_NOT_READ names.
    """
    operated = HOUSE[service]
    dsn = run.postgres_admin[service]
    if service in WORK and processes_for(sum(map(size, (await heads(run)).values()))) > 1:
        get_ready(WORK[service])
    before = await _digest(dsn, service)
    want = await heads(run)
    until = {topic.name: want[OWNER_OF[topic.name]] for topic in operated.consumes}
    if service == "settlement":
        ledger = LogSource(run.postgres["wallet-ledger"], carried=True)
        await settlement.operations.rebuild_from(dsn, ledger, tell, until)
    else:
        await operated.rebuild(dsn, tell, until)
    await wait_for_service(run, service, want, tell)
    after = await _digest(dsn, service)
    assert after is not None, "a rebuilt view can be read"
    return {
        "service": service,
        "before": before and before.sha256,
        "after": after.sha256,
        "rows": after.rows,
    }


async def _digest(dsn: str, service: str) -> Digest | None:
    """Return the digest of a service's views, None where one is gone."""
    try:
        return await HOUSE[service].digest(dsn)
    except VIEW_IS_GONE:
        return None

"""Reading wallets: balance and statement, now and at any past moment."""

import re
from typing import Annotated, Any, Final

import asyncpg
from fastapi import Depends, Query
from starlette.requests import Request

from events import log
from wallet_ledger import models, queries
from wallet_ledger.config import PARTITIONS
from wallet_ledger.directory import Directory
from web.paging import PageQuery
from web.period_query import OptionalPeriod
from web.periods import parse_time
from web.problems import Problem, invalid
from web.route import router
from web.tokens import Principal, allow

api = router()

Reader = Annotated[Principal, Depends(allow("member", "admin", "auditor", "finance"))]
Service = Annotated[Principal, Depends(allow("service"))]
Moment = Annotated[str | None, Query(description="RFC 3339, inclusive, not in the future")]
Position = Annotated[str | None, Query(description="a ledger_position")]

MEMBER_ID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@api.get("/api/v1/wallets/{member_id}", response_model=models.WalletAnswer)
async def wallet(
    request: Request,
    member_id: str,
    reader: Reader,
    as_of: Moment = None,
    position: Position = None,
) -> dict[str, Any]:
    """Return a wallet: one's own (`me`), or any for admin, auditor and finance."""
    wallet_id = await _wallet_id(request, member_id, reader)
    view = await queries.view(request.app.state.pool, wallet_id, as_of, position)
    return queries.rendered(wallet_id, view)


@api.get("/api/v1/wallets/{member_id}/transactions", response_model=models.TransactionsAnswer)
async def transactions(
    request: Request, member_id: str, reader: Reader, period: OptionalPeriod, page: PageQuery
) -> dict[str, Any]:
    """Return a page of a wallet's statement, oldest first."""
    wallet_id = await _wallet_id(request, member_id, reader)
    after = int(page.after[0] or 0) if page.after else 0
    partition = log.partition_of(wallet_id, PARTITIONS)
    pool: asyncpg.Pool = request.app.state.pool
    entries = await queries.transactions(pool, partition, wallet_id, period, after, page.limit + 1)
    more = len(entries) > page.limit
    shown = entries[: page.limit]
    return {
        "items": [entry.item for entry in shown],
        "next_cursor": page.next_cursor([shown[-1].version]) if more else None,
    }


@api.post("/internal/balances", include_in_schema=False)
async def balances(request: Request, body: models.BalancesRequest, _: Service) -> dict[str, Any]:
    """Return the balances of members to another service: {balances: {member id: rupiah}}."""
    return {"balances": await queries.balances(request.app.state.pool, body.member_ids)}


@api.get("/internal/place", include_in_schema=False)
async def place(request: Request, _: Service, at: Moment = None) -> dict[str, str]:
    """Return the ledger's place at a moment (default: now) to another service."""
    pool: asyncpg.Pool = request.app.state.pool
    async with pool.acquire() as connection:
        if at is None:
            found = await log.heads(connection)
        else:
            found = await queries.place_at(connection, parse_time(at, field="at"), "at")
    return {"ledger_position": str(found)}


async def _wallet_id(request: Request, member_id: str, reader: Principal) -> str:
    """Return whose wallet is meant. Raises Problem 422 (malformed), 404 (unknown or foreign)."""
    if member_id == "me" and reader.role == "member":
        return reader.subject
    if not MEMBER_ID.fullmatch(member_id):
        raise invalid("member_id", "must be the id of a member")
    if reader.role == "member" and member_id != reader.subject:
        raise Problem("not-found")
    directory: Directory = request.app.state.directory
    if not await directory.member_exists(member_id):
        raise Problem("not-found")
    return member_id

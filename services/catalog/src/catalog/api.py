"""The calls: who may, what is asked, and one call further in."""

from typing import Annotated, cast
from uuid import uuid4

import asyncpg
from fastapi import Depends, Request
from starlette.responses import Response

from catalog import handlers, queries
from catalog.domain import ChangeStore, RegisterStore, Store
from catalog.handlers import ACQUIRE_SECONDS, Key
from catalog.models import (
    ChangeStoreRequest,
    EveryStore,
    RegisterStoreRequest,
    StorePage,
    StoreResponse,
)
from events.envelope import Cause
from events.relay import Relay
from web.idempotency import IdempotencyKey, caller_of, fingerprint
from web.kept import KeptResponse
from web.models import StoreId
from web.paging import PageQuery
from web.problems import Problem
from web.route import router
from web.tokens import Principal, allow

public = router("/api/v1")
internal = router("/internal")

SEE_DRAFTS = frozenset({"admin", "finance", "auditor", "service"})

Admin = Annotated[Principal, Depends(allow("admin"))]
Service = Annotated[Principal, Depends(allow("service"))]
Anyone = Annotated[Principal, Depends(allow(guest=True))]


async def _pool(request: Request) -> asyncpg.Pool:
    return cast("asyncpg.Pool", request.app.state.pool)


async def _relay(request: Request) -> Relay:
    return cast("Relay", request.app.state.relay)


async def _cause(request: Request) -> Cause:
    """Return why an event happens: the request, by the name that the gateway gave it."""
    request_id = request.headers.get("x-request-id") or str(uuid4())
    return Cause(request_id, traceparent=request.headers.get("traceparent") or None)


Pool = Annotated[asyncpg.Pool, Depends(_pool)]
Published = Annotated[Relay, Depends(_relay)]
Because = Annotated[Cause, Depends(_cause)]


@public.post("/stores", status_code=201, response_model=StoreResponse)
async def register_store(
    request: Request,
    body: RegisterStoreRequest,
    admin: Admin,
    key: IdempotencyKey,
    pool: Pool,
    relay: Published,
    cause: Because,
) -> Response:
    """Register a store, which works at once, or a reseller, which stays a draft."""
    command = RegisterStore(body.store_id, body.name, body.address, body.kind)
    request_print = fingerprint("POST", request.url.path, await request.json())
    whose = Key(caller_of(admin, request_print), key, request_print)
    answer = await handlers.register(pool, command, whose, cause)
    relay.poke()
    return KeptResponse(answer.status, answer.body, replayed=answer.replayed)


@public.patch("/stores/{store_id}")
async def change_store(
    store_id: StoreId,
    body: ChangeStoreRequest,
    _: Admin,
    pool: Pool,
    relay: Published,
    cause: Because,
) -> StoreResponse:
    """Correct name or address of a store."""
    command = ChangeStore(store_id, body.name or None, body.address or None)
    store = await handlers.change(pool, command, cause)
    relay.poke()
    return _response(store)


@public.get("/stores", response_model_exclude_unset=True)
async def list_stores(page: PageQuery, caller: Anyone, pool: Pool) -> StorePage:
    """Return a page of the stores that the caller may see, by id."""
    after = str(page.after[0]) if page.after else ""
    drafts, own = _sight(caller)
    async with pool.acquire(timeout=ACQUIRE_SECONDS) as connection:
        found = await queries.page(
            connection, after=after, drafts=drafts, own=own, limit=page.limit + 1
        )
        total = await queries.count(connection) if caller.role == "admin" else None
    items = [_response(store) for store in found[: page.limit]]
    more = len(found) > page.limit
    cursor = page.next_cursor([items[-1].store_id]) if more else None
    if total is None:
        return StorePage(items=items, next_cursor=cursor)
    return StorePage(items=items, next_cursor=cursor, total=total)


@public.get("/stores/{store_id}")
async def read_store(store_id: StoreId, caller: Anyone, pool: Pool) -> StoreResponse:
    """Return one store. A draft is not there for those who may not see it."""
    async with pool.acquire(timeout=ACQUIRE_SECONDS) as connection:
        store = await queries.store(connection, store_id)
    drafts, own = _sight(caller)
    if store is None or not (store.state == "active" or drafts or store_id == own):
        raise Problem("not-found")
    return _response(store)


@internal.get("/stores", include_in_schema=False)
async def every_store(_: Service, pool: Pool) -> EveryStore:
    """Return all stores to another service."""
    async with pool.acquire(timeout=ACQUIRE_SECONDS) as connection:
        stores = await queries.every_store(connection)
    return EveryStore(items=[_response(store) for store in stores])


def _sight(caller: Principal) -> tuple[bool, str | None]:
    """Return (whether the caller sees all drafts, the one store that is the caller's own)."""
    return caller.role in SEE_DRAFTS, caller.store_id if caller.role == "operator" else None


def _response(store: Store) -> StoreResponse:
    return StoreResponse(
        store_id=store.store_id,
        name=store.name,
        address=store.address,
        kind=store.kind,
        state=store.state,
    )

"""Reading the ledger's own history: checkpoints and keys for anyone, events and proofs for some."""

import json
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Annotated, Any, Final
from uuid import UUID

import asyncpg
from fastapi import Depends, Query
from starlette.requests import Request

from events.contracts.checkpoint import CheckpointKeyIntroduced, CheckpointSigned
from events.envelope import timestamp
from events.log import Connection
from events.place import Place
from wallet_ledger import checkpoint_log, models_ledger, proofs
from wallet_ledger.checkpoints import shown
from wallet_ledger.trees import TreeIncomplete
from web.paging import PageQuery
from web.problems import Problem, invalid
from web.route import router
from web.tokens import Principal, allow

api = router("/api/v1/ledger")

Anyone = Annotated[Principal, Depends(allow(guest=True))]
Reader = Annotated[Principal, Depends(allow("member", "admin", "auditor", "finance"))]
From = Annotated[str, Query(alias="from", description="the number of the earlier checkpoint")]
At = Annotated[str, Query(alias="checkpoint", description="a number, default the newest")]

EVENT_ID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
NUMBER: Final = re.compile(r"[1-9][0-9]{0,14}")
LATEST: Final = "latest"


@api.get("/checkpoints", response_model=models_ledger.CheckpointsAnswer)
async def checkpoints(request: Request, _: Anyone, page: PageQuery) -> dict[str, Any]:
    """Return a page of the signed checkpoints, oldest first."""
    after = int(page.after[0] or 0) if page.after else 0
    async with _connected(request) as connection:
        found = await checkpoint_log.after(connection, after, page.limit + 1)
    items = found[: page.limit]
    more = len(found) > page.limit
    return {
        "items": [shown(each) for each in items],
        "next_cursor": page.next_cursor([items[-1].n]) if more else None,
    }


@api.get("/checkpoints/{n}", response_model=models_ledger.CheckpointAnswer)
async def checkpoint(request: Request, n: str, _: Anyone) -> dict[str, Any]:
    """Return one checkpoint by its number, or the newest one (`latest`)."""
    async with _connected(request) as connection:
        return shown(await _checkpoint(connection, n, "n"))


@api.get("/checkpoints/{n}/consistency", response_model=models_ledger.ConsistencyAnswer)
async def consistency(request: Request, n: str, earlier: From, _: Anyone) -> dict[str, Any]:
    """Return the proof that checkpoint `n` goes on from the one that `from` names."""
    async with _connected(request) as connection:
        new = await _checkpoint(connection, n, "n")
        old = await _checkpoint(connection, earlier, "from")
        if old.n > new.n:
            raise invalid("from", "must not be later than the checkpoint itself")
        return await proofs.consistency(connection, old, new)


@api.get("/keys", response_model=models_ledger.KeysAnswer)
async def keys(request: Request, _: Anyone) -> dict[str, Any]:
    """Return the public keys, oldest first, each with the checkpoints that it signs."""
    async with _connected(request) as connection:
        return {"items": _ranged(await checkpoint_log.keys(connection)), "next_cursor": None}


@api.get("/events/{event_id}", response_model=models_ledger.EventAnswer)
async def event(request: Request, event_id: str, reader: Reader) -> dict[str, Any]:
    """Return an event of one's own wallet, or of any for admin, auditor and finance."""
    async with _connected(request) as connection:
        return _shown(event_id, await _event(connection, event_id, reader))


@api.get("/events/{event_id}/proof", response_model=models_ledger.ProofAnswer)
async def proof(request: Request, event_id: str, reader: Reader, at: At = LATEST) -> dict[str, Any]:
    """Return the proof that the event is in what a checkpoint signed: hashes only."""
    async with _connected(request) as connection:
        found = await _event(connection, event_id, reader)
        return await _proof(connection, event_id, found, at)


@api.get("/events/{event_id}/receipt", response_model=models_ledger.ReceiptAnswer)
async def receipt(
    request: Request, event_id: str, reader: Reader, at: At = LATEST
) -> dict[str, Any]:
    """Return the event and its proof in one answer, for the stand-alone verifier."""
    async with _connected(request) as connection:
        found = await _event(connection, event_id, reader)
        proven = await _proof(connection, event_id, found, at)
        return {"event": _shown(event_id, found), "proof": proven}


@asynccontextmanager
async def _connected(request: Request) -> AsyncGenerator[Connection]:
    """Give a connection. Raises Problem 503 while lost subtrees are being made again."""
    pool: asyncpg.Pool = request.app.state.pool
    try:
        async with pool.acquire() as connection:
            yield connection
    except TreeIncomplete:
        raise Problem("unavailable") from None


async def _checkpoint(connection: Connection, number: str, field: str) -> CheckpointSigned:
    """Return a checkpoint. Raises Problem 422 for what is no number, 404 for one not made yet."""
    if number == LATEST:
        found = await checkpoint_log.newest(connection)
    elif NUMBER.fullmatch(number):
        found = await checkpoint_log.numbered(connection, int(number))
    else:
        raise invalid(field, "must be the number of a checkpoint")
    if found is None:
        raise Problem("not-found")
    return found


async def _event(connection: Connection, event_id: str, reader: Principal) -> proofs.FoundEvent:
    """Return an event that the reader may see. Raises Problem 422, 404 (unknown or foreign)."""
    if not EVENT_ID.fullmatch(event_id):
        raise invalid("event_id", "must be the id of an event")
    found = await proofs.find(connection, UUID(event_id))
    if found is None or (reader.role == "member" and found.stream != reader.subject):
        raise Problem("not-found")
    return found


async def _proof(
    connection: Connection, event_id: str, found: proofs.FoundEvent, number: str
) -> dict[str, Any]:
    """Return an inclusion proof. Raises Problem 409 before the event is in the checkpoint."""
    if number == LATEST:
        at = await checkpoint_log.newest(connection)
    else:
        at = await _checkpoint(connection, number, "checkpoint")
    try:
        return await proofs.inclusion(connection, UUID(event_id), found, at)
    except proofs.NotCheckpointed:
        raise Problem("not-yet-checkpointed") from None


def _shown(event_id: str, found: proofs.FoundEvent) -> dict[str, Any]:
    body = found.body.decode()
    return {
        "event_id": event_id,
        "at": timestamp(found.recorded_at),
        "ledger_position": str(Place.of({found.partition: found.position})),
        "event": json.loads(body),
        "body": body,
    }


def _ranged(found: list[CheckpointKeyIntroduced]) -> list[dict[str, Any]]:
    """Return the keys as the API shows them, each with its last checkpoint."""
    lasts = [later.first_checkpoint - 1 for _, later in pairwise(found)]
    return [
        {**shown(key), "last_checkpoint": last}
        for key, last in zip(found, [*lasts, None], strict=False)
    ]

"""Undoing an entry: one person asks, a second one decides."""

from typing import Annotated, Any, Final, Literal

from fastapi import Depends, Query
from starlette.requests import Request
from starlette.responses import Response
from uuid_utils.compat import uuid7

from wallet_ledger import models
from wallet_ledger.answers import Answer, problem
from wallet_ledger.domain import ApproveReversal, Entry, RejectReversal, RequestReversal
from wallet_ledger.recorded import Records
from wallet_ledger.serving import serve
from web.idempotency import IdempotencyKey
from web.paging import PageQuery
from web.problems import Problem
from web.route import router
from web.tokens import Principal, allow

api = router("/api/v1/ledger/reversals")

Decider = Annotated[Principal, Depends(allow("admin", "finance"))]
Reader = Annotated[Principal, Depends(allow("admin", "finance", "auditor"))]
State = Annotated[Literal["requested", "approved", "rejected"] | None, Query()]

DONE: Final[dict[int | str, dict[str, Any]]] = {
    201: {"model": models.ReversalAnswer, "description": "Done, or done before"}
}

NOT_FOUND: Final = problem("not-found")


@api.post("", status_code=201, responses=DONE)
async def ask(
    request: Request, body: models.ReversalRequest, key: IdempotencyKey, decider: Decider
) -> Response:
    """Ask that an entry be undone; what is already spent is not (409)."""
    found = await _entry(request, body.event_id)
    if isinstance(found, Answer):
        return await serve(request, decider, key, f"event:{body.event_id}", found)
    wallet_id, entry = found
    command = RequestReversal(str(uuid7()), entry, decider.subject, body.reason)
    return await serve(request, decider, key, wallet_id, command)


@api.post("/{reversal_id}/approve", status_code=201, responses=DONE)
async def approve(
    request: Request,
    reversal_id: models.RecordId,
    key: IdempotencyKey,
    decider: Decider,
    _body: models.EmptyRequest | None = None,
) -> Response:
    """Undo the entry. Whoever asked cannot approve (403)."""
    wallet_id, event_id = await _asked(request, reversal_id)
    found = NOT_FOUND if event_id is None else await _entry(request, event_id)
    if isinstance(found, Answer):
        return await serve(request, decider, key, wallet_id, found)
    command = ApproveReversal(reversal_id, found[1], decider.subject)
    return await serve(request, decider, key, wallet_id, command)


@api.post("/{reversal_id}/reject", status_code=201, responses=DONE)
async def reject(
    request: Request,
    reversal_id: models.RecordId,
    key: IdempotencyKey,
    decider: Decider,
    _body: models.EmptyRequest | None = None,
) -> Response:
    """Leave the entry as it is; whoever asked may also withdraw so."""
    wallet_id, event_id = await _asked(request, reversal_id)
    command = RejectReversal(reversal_id, decider.subject)
    asked = NOT_FOUND if event_id is None else command
    return await serve(request, decider, key, wallet_id, asked)


@api.get("", response_model=models.ReversalsAnswer)
async def reversals(
    request: Request, _: Reader, page: PageQuery, state: State = None
) -> dict[str, Any]:
    """Return a page of reversals, oldest first."""
    records: Records = request.app.state.records
    after = str(page.after[0]) if page.after else ""
    found = await records.reversals(state, after, page.limit + 1)
    shown, more = found[: page.limit], len(found) > page.limit
    return {
        "items": shown,
        "next_cursor": page.next_cursor([shown[-1]["reversal_id"]]) if more else None,
    }


async def _asked(request: Request, reversal_id: str) -> tuple[str, str | None]:
    """Return (wallet id, id of the entry) of a reversal; no entry where there is no such one."""
    records: Records = request.app.state.records
    return await records.reversal(reversal_id) or (f"reversal:{reversal_id}", None)


async def _entry(request: Request, event_id: str) -> tuple[str, Entry] | Answer:
    """Return (wallet id, what can be undone of it), or the refusal, which is kept like others."""
    records: Records = request.app.state.records
    try:
        return await records.entry(event_id) or NOT_FOUND
    except Problem as said:
        return problem(said.slug, detail=said.detail, **said.members)

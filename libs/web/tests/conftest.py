"""An application with a few routes, and an identity that lives in the test."""

from collections.abc import AsyncIterator
from typing import Annotated

import httpx
import pytest
from fastapi import Depends
from pydantic import Field
from starlette.responses import Response

from web.app import create_app
from web.idempotency import IdempotencyKey
from web.kept import KeptResponse
from web.models import Amount, Body, CardNumber, Email, StoreId, Text100
from web.paging import PageQuery
from web.period_query import OptionalPeriod, RequiredPeriod
from web.periods import timestamp
from web.route import router
from web.settings import ServiceSettings
from web.testing import SigningIdentity
from web.tokens import Principal, allow


class Item(Body):
    """A part of a form."""

    quantity: int = Field(ge=1)


class Form(Body):
    """A form with every kind of field."""

    card_number: CardNumber
    amount: Amount
    name: Text100
    store_id: StoreId
    email: Email | None = None
    save: bool = False
    items: list[Item] = Field(default_factory=list[Item], max_length=3)


class Change(Body):
    """A partial form."""

    name: Text100 = ""
    email: Email | None = None


api = router("/api")


@api.post("/forms", status_code=201)
async def post_form(
    form: Form, who: Annotated[Principal, Depends(allow("admin", "cashier"))]
) -> Form:
    assert who.role in ("admin", "cashier")
    return form


@api.patch("/forms")
async def patch_form(change: Change) -> dict[str, object]:
    return change.model_dump(exclude_unset=True)


@api.post("/keyed")
async def post_keyed(key: IdempotencyKey) -> dict[str, str]:
    return {"key": key}


@api.get("/guests")
async def for_guests(who: Annotated[Principal, Depends(allow(guest=True))]) -> dict[str, str]:
    return {"caller": who.caller}


@api.get("/lists")
async def get_list(page: PageQuery, period: OptionalPeriod, search: str = "") -> dict[str, object]:
    start = 0 if page.after is None else int(str(page.after[0]))
    return {
        "items": list(range(start, start + page.limit)),
        "next_cursor": page.next_cursor([start + page.limit]),
        "start": None if period.start is None else timestamp(period.start),
        "end": None if period.end is None else timestamp(period.end),
        "search": search,
    }


@api.get("/reports")
async def get_report(period: RequiredPeriod) -> dict[str, str]:
    return {"from": str(period.first), "to": str(period.last)}


@api.get("/stores/{store_id}")
async def get_store(store_id: StoreId) -> dict[str, str]:
    return {"store_id": store_id}


@api.get("/kept/{status}")
async def kept(status: int, replayed: bool = False) -> Response:
    return KeptResponse(status, b'{"a":1}', replayed=replayed)


@pytest.fixture
def identity() -> SigningIdentity:
    return SigningIdentity()


@pytest.fixture
async def client(identity: SigningIdentity) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application; `ready` follows identity."""

    async def ready() -> bool:
        return not identity.down

    app = create_app(
        "test",
        settings=ServiceSettings(),
        routers=[api],
        ready=ready,
        verifier=identity.verifier(),
    )
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        http.headers["authorization"] = f"Bearer {identity.token()}"
        yield http

"""What other services ask: tokens, keys, cards. The gateway routes none of it but the keys."""

import asyncio
import hmac
import re
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import Depends
from starlette.responses import JSONResponse, Response

from identity import queries
from identity.answers import card_view
from identity.models import CardsAsked, ServiceLogin
from identity.queries import CardRow
from identity.requests import ResourcesOf
from web.models import CardNumber, MemberId
from web.problems import Problem
from web.route import router
from web.tokens import Principal, allow

routes = router()
Service = Annotated[Principal, Depends(allow("service"))]

CLIENT: Final = re.compile(r"[a-z][a-z-]{1,31}")
GUESTS_DOOR: Final = "gateway"
"""The one client whose token is a guest's: it lends it to callers who are not logged in."""


@routes.get("/.well-known/jwks.json", include_in_schema=False)
async def get_keys(resources: ResourcesOf) -> Response:
    """Return the public keys of access tokens."""
    return Response(await resources.signer.document(), media_type="application/json")


@routes.post("/internal/token", include_in_schema=False)
async def post_service_token(body: ServiceLogin, resources: ResourcesOf) -> Response:
    """Give a service its token for its secret."""
    folder = resources.settings.service_secrets_dir
    known = await asyncio.to_thread(_secret_of, folder, body.client_id)
    given = body.client_secret.encode()
    if known is None or not hmac.compare_digest(known.encode(), given):
        raise Problem("wrong-credentials")
    role = "guest" if body.client_id == GUESTS_DOOR else "service"
    token = await resources.signer.sign(role, body.client_id)
    answer = {"access_token": token, "expires_in": resources.settings.access_token_seconds}
    return JSONResponse(answer, headers={"cache-control": "no-store"})


@routes.get("/internal/cards/{number}", include_in_schema=False)
async def get_card(number: CardNumber, _: Service, resources: ResourcesOf) -> dict[str, Any]:
    """Return a card and its member."""
    return _shown(await queries.card(resources.pool, number))


@routes.post("/internal/cards", include_in_schema=False)
async def post_cards(body: CardsAsked, _: Service, resources: ResourcesOf) -> dict[str, Any]:
    """Return those of many cards that there are, and their members."""
    rows = await queries.cards(resources.pool, body.card_numbers)
    return {"items": [card_view(row) for row in rows]}


@routes.get("/internal/members/{member_id}", include_in_schema=False)
async def get_card_of(member_id: MemberId, _: Service, resources: ResourcesOf) -> dict[str, Any]:
    """Return a member and his card."""
    return _shown(await queries.card_of(resources.pool, member_id))


def _shown(row: CardRow | None) -> dict[str, Any]:
    if row is None:
        raise Problem("not-found")
    return card_view(row)


def _secret_of(folder: Path, client_id: str) -> str | None:
    """Return the secret of a client, None if there is no such client. Blocks: it reads a file."""
    if not CLIENT.fullmatch(client_id):
        return None
    try:
        return (folder / client_id).read_text(encoding="utf-8").strip() or None
    except FileNotFoundError:
        return None

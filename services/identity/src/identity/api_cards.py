"""Barcodes of cards: `/cards/{number}/barcode...`."""

import asyncio
from typing import Annotated, Final

from fastapi import Depends
from starlette.responses import Response

from identity import barcodes, queries
from identity.requests import ResourcesOf
from identity.resources import Resources
from web.models import CardNumber
from web.problems import Problem
from web.route import router
from web.tokens import Principal, allow

routes = router("/api/v1/cards")
Holder = Annotated[Principal, Depends(allow("admin", "cashier", "member"))]

HEADERS: Final = {
    "cache-control": "private, max-age=3600",
    "content-security-policy": "default-src 'none'",
    "x-content-type-options": "nosniff",
}


@routes.get("/{number}/barcode.svg", response_class=Response)
async def get_svg(number: CardNumber, who: Holder, resources: ResourcesOf) -> Response:
    """Return the card as Code 128, for printing."""
    await _require_card(resources, number, who)
    image = await asyncio.to_thread(barcodes.svg, number)
    return Response(image, media_type="image/svg+xml", headers=HEADERS)


@routes.get("/{number}/barcode.png", response_class=Response)
async def get_png(number: CardNumber, who: Holder, resources: ResourcesOf) -> Response:
    """Return the card as Code 128, for a screen."""
    await _require_card(resources, number, who)
    image = await asyncio.to_thread(barcodes.png, number)
    return Response(image, media_type="image/png", headers=HEADERS)


async def _require_card(resources: Resources, number: str, who: Principal) -> None:
    """Raise Problem 404 for a card that does not exist, or is another member's."""
    card = await queries.card(resources.pool, number)
    if card is None or (who.role == "member" and card.member_id != who.member_id):
        raise Problem("not-found")

"""What is not in the views yet is asked of its owner: one call each, however many are unknown."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import httpx

from web.peers import Peer
from web.problems import Problem

CARDS_MAX: Final = 1_000
"""Cards of one call, as identity takes them: those of a whole batch."""


@dataclass(frozen=True, slots=True)
class CardHolder:
    """Whose card it is, and whether small change may be saved unasked."""

    wallet_id: str
    auto_save_consent: bool


@dataclass(frozen=True, slots=True)
class Owners:
    """Identity and catalog. All calls raise Problem 503 while the one that is asked is away."""

    identity: Peer
    catalog: Peer

    async def card(self, card_number: str) -> CardHolder | None:
        """Return who holds a card, None for one that identity does not know."""
        answer = await self.identity.get(f"/internal/cards/{card_number}")
        return _holder(answer.json()) if answer.status_code == 200 else None

    async def cards(self, numbers: Collection[str]) -> dict[str, CardHolder]:
        """Return card number -> holder of those that identity knows."""
        found: dict[str, CardHolder] = {}
        for some in _portions(numbers):
            answer = await self.identity.post("/internal/cards", {"card_numbers": some})
            for card in _items(answer, "identity"):
                found[str(card["card_number"])] = _holder(card)
        return found

    async def store_state(self, store_id: str) -> str | None:
        """Return the state of a store, None for one that catalog does not know."""
        answer = await self.catalog.get(f"/api/v1/stores/{store_id}")
        return str(answer.json()["state"]) if answer.status_code == 200 else None

    async def store_states(self) -> dict[str, str]:
        """Return store id -> state of every store there is."""
        items = _items(await self.catalog.get("/internal/stores"), "catalog")
        return {str(store["store_id"]): str(store["state"]) for store in items}

    async def member_exists(self, member_id: str) -> bool:
        """Tell whether `member_id` is a member."""
        return (await self.identity.get(f"/internal/members/{member_id}")).status_code == 200


def _portions(numbers: Collection[str]) -> Iterator[list[str]]:
    remaining = iter(numbers)
    while some := list(islice(remaining, CARDS_MAX)):
        yield some


def _items(answer: httpx.Response, owner: str) -> Sequence[dict[str, Any]]:
    """Return the list of an answer. Raises Problem 503: without one nothing is unknown for sure."""
    if answer.status_code != 200:
        raise Problem("unavailable", f"{owner} cannot answer")
    return answer.json()["items"]


def _holder(card: dict[str, Any]) -> CardHolder:
    return CardHolder(str(card["member_id"]), bool(card["auto_save_consent"]))

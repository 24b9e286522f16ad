"""Who holds a card and which stores there are: from the views, else asked of the owner by HTTP."""

from dataclasses import dataclass

import asyncpg

from web.peers import Peer

CARD_AND_STORE = """
SELECT m.wallet_id, m.auto_save_consent, s.state
FROM (SELECT 1) AS one
LEFT JOIN view.member m ON m.card_number = $1
LEFT JOIN view.store s ON s.store_id = $2
"""

MEMBER = "SELECT 1 FROM view.member WHERE wallet_id = $1"


@dataclass(frozen=True, slots=True)
class CardHolder:
    """Whose card it is, and whether small change may be saved unasked."""

    wallet_id: str
    auto_save_consent: bool


class Directory:
    """Answers at once for what another service answered 201 to, whether its event came or not."""

    def __init__(self, pool: asyncpg.Pool, identity: Peer, catalog: Peer) -> None:
        self._pool = pool
        self._identity = identity
        self._catalog = catalog

    async def card_and_store(
        self, card_number: str, store_id: str
    ) -> tuple[CardHolder | None, str | None]:
        """Return (holder, state of the store); None for what its owner does not know either.

        Raises Problem 503 while the owner of something unknown here does not answer.
        """
        row = await self._pool.fetchrow(CARD_AND_STORE, card_number, store_id)
        assert row is not None
        state = row["state"] or await self._ask_store(store_id)
        if row["wallet_id"] is None:
            return await self._ask_card(card_number), state
        return CardHolder(row["wallet_id"], row["auto_save_consent"]), state

    async def member_exists(self, member_id: str) -> bool:
        """Tell whether `member_id` is a member. Raises Problem 503."""
        if await self._pool.fetchval(MEMBER, member_id):
            return True
        answer = await self._identity.get(f"/internal/members/{member_id}")
        return answer.status_code == 200

    async def _ask_card(self, card_number: str) -> CardHolder | None:
        answer = await self._identity.get(f"/internal/cards/{card_number}")
        if answer.status_code != 200:
            return None
        body = answer.json()
        return CardHolder(str(body["member_id"]), bool(body["auto_save_consent"]))

    async def _ask_store(self, store_id: str) -> str | None:
        answer = await self._catalog.get(f"/api/v1/stores/{store_id}")
        return str(answer.json()["state"]) if answer.status_code == 200 else None

"""Who holds a card and which stores there are: in memory, from the views, else asked of the owner.

What is in memory is dropped when the projection says so (NOTIFY), in every process; while nobody
listens nothing is kept in memory.
"""

import asyncio
import logging
from collections.abc import Collection, Sequence
from typing import Any

import asyncpg

from events.failures import DATABASE_AWAY
from events.log import Connection
from wallet_ledger.gathering import Gathering
from wallet_ledger.owners import CardHolder, Owners
from web.peers import Peer

logger = logging.getLogger(__name__)

CHANNEL = "directory"
ALL = ""
"""The payload that says: forget everything."""

FORGET = f"SELECT pg_notify('{CHANNEL}', $1)"

CARDS = """
SELECT card_number, wallet_id, auto_save_consent FROM view.member
WHERE card_number = ANY ($1::text[])
"""

STORES = "SELECT store_id, state FROM view.store WHERE store_id = ANY ($1::text[])"

MEMBER = "SELECT 1 FROM view.member WHERE wallet_id = $1"

CARDS_MAX = 100_000
RETRY_SECONDS = 0.5
ALIVE_SECONDS = 5.0


class Directory:
    """Answers at once for what another service answered 201 to, whether its event came or not."""

    def __init__(self, pool: asyncpg.Pool, identity: Peer, catalog: Peer) -> None:
        self._pool = pool
        self._owners = Owners(identity, catalog)
        self._cards: dict[str, CardHolder] = {}
        self._card_of: dict[str, str] = {}  # wallet id -> card number, of what is in _cards
        self._states: dict[str, str] = {}
        self._listening = False
        self._forgotten = 0
        self._gathering = Gathering(self._read_cards)

    def known_card(self, card_number: str) -> CardHolder | None:
        """Return who holds a card, if that is in memory."""
        return self._cards.get(card_number)

    def known_state(self, store_id: str) -> str | None:
        """Return the state of a store, if it is in memory."""
        return self._states.get(store_id)

    def look_up(self, card_number: str) -> "asyncio.Future[CardHolder | None]":
        """Return what the view will say of a card; with many others in one statement."""
        return self._gathering.begin(card_number)

    async def card_and_store(
        self, card_number: str, store_id: str
    ) -> tuple[CardHolder | None, str | None]:
        """Return (holder, state of the store); None for what its owner does not know either.

        Raises Problem 503 while the owner of something unknown here does not answer.
        """
        return await self.card(card_number), await self.store_state(store_id)

    async def card(self, card_number: str) -> CardHolder | None:
        """Return who holds a card, None for one that identity does not know. Raises Problem 503."""
        return (
            self._cards.get(card_number)
            or await self._gathering.get(card_number)
            or await self._owners.card(card_number)
        )

    async def cards(self, numbers: Collection[str]) -> dict[str, CardHolder]:
        """Return card number -> holder of all that identity knows, asked once. Raises Problem 503.

        What is unknown is not remembered: a card that is registered now works in the next call.
        """
        found = {number: self._cards[number] for number in numbers if number in self._cards}
        missing = [number for number in numbers if number not in found]
        if missing:
            found |= await self._read_cards(missing)
            unknown = [number for number in missing if number not in found]
            if unknown:
                found |= await self._owners.cards(unknown)
        return found

    async def store_state(self, store_id: str) -> str | None:
        """Return the state of a store, None for one that catalog does not know. Raises Problem."""
        known = self._states.get(store_id) or (await self._read_states([store_id])).get(store_id)
        return known or await self._owners.store_state(store_id)

    async def store_states(self, store_ids: Collection[str]) -> dict[str, str]:
        """Return store id -> state of all that catalog knows, asked once. Raises Problem 503."""
        found = {s: self._states[s] for s in store_ids if s in self._states}
        missing = [store_id for store_id in store_ids if store_id not in found]
        if missing:
            found |= await self._read_states(missing)
            if any(store_id not in found for store_id in missing):
                every = await self._owners.store_states()
                found |= {s: every[s] for s in missing if s not in found and s in every}
        return found

    async def member_exists(self, member_id: str) -> bool:
        """Tell whether `member_id` is a member. Raises Problem 503."""
        if await self._pool.fetchval(MEMBER, member_id):
            return True
        return await self._owners.member_exists(member_id)

    async def listen(self) -> None:
        """Hear what must be forgotten, until cancelled; without a connection keep nothing."""
        while True:
            try:
                async with self._pool.acquire() as connection:
                    await self._hear(connection)
            except DATABASE_AWAY as error:
                logger.warning("cards are asked for one by one: %r", error)
            finally:
                self._listening = False
                self._forget(ALL)
            await asyncio.sleep(RETRY_SECONDS)

    async def _hear(self, connection: Connection) -> None:
        await connection.add_listener(CHANNEL, self._heard)
        self._forget(ALL)
        self._listening = True
        try:
            while True:
                await asyncio.sleep(ALIVE_SECONDS)
                await connection.fetchval("SELECT 1")
        finally:
            if not connection.is_closed():
                await connection.remove_listener(CHANNEL, self._heard)

    def _heard(self, _connection: Any, _pid: int, _channel: str, payload: object) -> None:
        self._forget(str(payload))

    def _forget(self, wallet_id: str) -> None:
        self._forgotten += 1
        if wallet_id == ALL:
            self._cards.clear()
            self._card_of.clear()
            self._states.clear()
        else:
            self._cards.pop(self._card_of.pop(wallet_id, ""), None)

    async def _read_cards(self, numbers: Sequence[str]) -> dict[str, CardHolder]:
        """Return card number -> holder of those that the view knows; keep them in memory."""
        before = self._forgotten
        found = {
            row["card_number"]: CardHolder(row["wallet_id"], row["auto_save_consent"])
            for row in await self._pool.fetch(CARDS, numbers)
        }
        if self._listening and before == self._forgotten:
            if len(self._cards) + len(found) > CARDS_MAX:
                self._forget(ALL)
            self._cards.update(found)
            self._card_of.update((holder.wallet_id, card) for card, holder in found.items())
        return found

    async def _read_states(self, store_ids: Sequence[str]) -> dict[str, str]:
        """Return store id -> state of those that the view knows; keep them in memory."""
        before = self._forgotten
        rows = await self._pool.fetch(STORES, store_ids)
        found = {row["store_id"]: row["state"] for row in rows}
        if self._listening and before == self._forgotten:
            self._states.update(found)
        return found

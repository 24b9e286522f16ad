"""Whether a store or a member exists: from the views, else asked of the owner by HTTP."""

import asyncpg

from settlement.domain import PLATFORM
from settlement.queries import HAS_MEMBER, HAS_STORE
from web.peers import Peer
from web.problems import Problem


class Directory:
    """Knows at once what another service answered 201 to, whether its event has come or not."""

    def __init__(self, pool: asyncpg.Pool, identity: Peer, catalog: Peer) -> None:
        self._pool = pool
        self._identity = identity
        self._catalog = catalog

    async def require_store(self, store_id: str) -> None:
        """Raise Problem 404 for a store that does not exist, 503 if nobody can say."""
        if store_id == PLATFORM or await self._pool.fetchval(HAS_STORE, store_id):
            return
        answer = await self._catalog.get(f"/api/v1/stores/{store_id}")
        if answer.status_code != 200:
            raise Problem("not-found", "there is no such store")

    async def require_member(self, member_id: str) -> None:
        """Raise Problem 404 for a member who does not exist, 503 if nobody can say."""
        if await self._pool.fetchval(HAS_MEMBER, member_id):
            return
        answer = await self._identity.get(f"/internal/members/{member_id}")
        if answer.status_code != 200:
            raise Problem("not-found", "there is no such member")

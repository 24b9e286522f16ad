"""One consistent look at the views: rows and place out of one transaction, never half a view."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from events import places
from events.log import Connection
from events.merkle import EPOCH
from events.place import Place
from events.topics import WALLET
from settlement.moments import Moment
from settlement.store import HOLD_VIEWS
from web.peers import Peer
from web.periods import timestamp
from web.problems import Problem, invalid

WAIT_SECONDS = 2.0
POLL_SECONDS = 0.025
ACQUIRE_SECONDS = 2.0

# What is the time of a place? That of the last entry in it: the same answer whenever it is asked.
LAST_ENTRY = """
SELECT max(last.recorded_at)
FROM unnest($1::smallint[], $2::bigint[]) AS upto (partition, position)
CROSS JOIN LATERAL (
    SELECT e.recorded_at FROM view.entry e
    WHERE e.partition = upto.partition AND e.position <= upto.position
    ORDER BY e.position DESC LIMIT 1
) AS last
"""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A transaction that sees one state; reads count what lies in `place`, which names all.

    `past` = rows after `place` may be there. `as_of` (UTC) is the time asked for, else that of the
    last entry in `place`; 1970 where there is none.
    """

    connection: Connection
    place: Place
    as_of: datetime
    past: bool

    @property
    def upto(self) -> tuple[list[int], list[int]]:
        """Return the place as the first two arguments of every query."""
        positions = self.place.positions
        return ([partition for partition, _ in positions], [position for _, position in positions])


class Snapshots:
    """Opens snapshots of the views, at the moment that a request asks for."""

    def __init__(self, pool: asyncpg.Pool, wallet_ledger: Peer) -> None:
        self._pool = pool
        self._wallet_ledger = wallet_ledger

    @asynccontextmanager
    async def at(self, moment: Moment) -> AsyncGenerator[Snapshot]:
        """Give the views at `moment`, waiting up to WAIT_SECONDS for them to reach it.

        Raises Problem 503 when they do not, or while a rebuild refills them; 422 for `as_of` in
        the future.
        """
        wanted = await self._wanted(moment)
        needed = [place for place in (wanted, moment.at_least) if place is not None]
        clock = asyncio.get_running_loop().time
        deadline = clock() + WAIT_SECONDS
        while True:
            async with self._transaction() as connection:
                reached = await _reached(connection)
                if reached is not None and all(reached.reaches(place) for place in needed):
                    place = wanted or reached
                    as_of = moment.as_of or await _last_entry(connection, place)
                    yield Snapshot(connection, place, as_of, past=wanted is not None)
                    return
            if clock() > deadline:
                raise Problem("unavailable", _why(reached))
            await asyncio.sleep(POLL_SECONDS)

    @asynccontextmanager
    async def _transaction(self) -> AsyncGenerator[Connection]:
        async with (
            self._pool.acquire(timeout=ACQUIRE_SECONDS) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            await connection.execute(HOLD_VIEWS)
            yield connection

    async def _wanted(self, moment: Moment) -> Place | None:
        """Return the place that is asked for, None = where the views are. Raises Problem."""
        if moment.as_of is None:
            return moment.position
        at = {"at": timestamp(moment.as_of)}
        answer = await self._wallet_ledger.get("/internal/place", params=at)
        if answer.status_code == 422:  # by the ledger's own clock
            raise invalid("as_of", "must not lie in the future")
        if answer.status_code != 200:
            raise Problem("unavailable", "wallet-ledger cannot say where it was")
        body: dict[str, Any] = answer.json()
        return Place.parse(str(body["ledger_position"]))


async def _reached(connection: Connection) -> Place | None:
    """Return how far the ledger is in the views, None while a rebuild refills any of them."""
    known = await places.load(connection)
    if any(place.rebuilding for place in known):
        return None
    nothing = dict.fromkeys(range(WALLET.partitions), 0)
    return Place.of(
        {**nothing, **{p.partition: p.position for p in known if p.topic == WALLET.name}}
    )


async def _last_entry(connection: Connection, place: Place) -> datetime:
    arguments = list(zip(*place.positions, strict=True))
    return await connection.fetchval(LAST_ENTRY, *arguments) or EPOCH


def _why(reached: Place | None) -> str:
    if reached is None:
        return "the views are being rebuilt"
    return "settlement has not come that far yet"

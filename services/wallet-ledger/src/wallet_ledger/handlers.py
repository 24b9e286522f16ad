"""From an order to its answer: by this process if it writes the partition, else passed on once."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from events.log import partition_of
from wallet_ledger.answers import Answer
from wallet_ledger.arrivals import NotOwner, QueueFull
from wallet_ledger.group import Order, Slot
from wallet_ledger.lane import Lane, Undecidable
from wallet_ledger.passing import Passing
from web.kept import KeptResponse
from web.problems import Problem

REPEAT_SECONDS: Final = 5.0
"""How long a repeat waits for the first request with its key."""

Then = Callable[["asyncio.Future[Answer]"], None]


class Ledger:
    """All lanes of this process, and the way to the process that owns the others."""

    def __init__(self, lanes: Sequence[Lane], passing: Passing) -> None:
        self.lanes = lanes
        self.passing = passing
        self._in_flight: dict[Slot, int] = {}

    async def serve(self, request: Request, order: Order) -> Response:
        """Return the order's outcome, or its first one if it repeats another.

        Raises Problem: 409 `request-in-flight` for a repeat whose first is not answered in time,
        503 `unavailable` if nobody can take it now, or if it is unknown what became of it.
        """
        until = self.passing.handover_ends()
        while True:
            try:
                answer = await self.decide_here(order)
            except NotOwner:
                elsewhere = await self.passing.ask(request, self._lane_of(order).lease, until)
                if elsewhere is not None:
                    return elsewhere
            else:
                return KeptResponse(answer.status, answer.body, replayed=answer.replayed)

    async def decide_here(self, order: Order) -> Answer:
        """Return the order's outcome if this process writes its partition.

        Raises NotOwner, and Problem as `serve` does.
        """
        lane = self._lane_of(order)
        if not lane.owned:
            raise NotOwner(lane.lease)
        try:
            return await self._submit(lane, order)
        except (QueueFull, Undecidable) as error:
            raise Problem("unavailable") from error

    def begin_here(self, order: Order, then: Then) -> None:
        """Tell `then` the outcome, once it is there, of an order whose key is not in hand already.

        Raises NotOwner, also for a key that is in hand: `serve` knows how to wait for that;
        QueueFull. What `then` is given has ended as `Lane.submit` does.
        """
        lane, slot = self._lane_of(order), order.slot
        if not lane.owned or slot in self._in_flight:
            raise NotOwner(lane.lease)
        (deciding,) = lane.put([order])
        self._in_flight[slot] = 1
        deciding.add_done_callback(partial(self._land_and_tell, slot, then))

    def _land_and_tell(self, slot: Slot, then: Then, decided: asyncio.Future[Answer]) -> None:
        self._land(slot)
        then(decided)

    def _land(self, slot: Slot) -> None:
        """Take note that a command with this key is no longer in hand."""
        left = self._in_flight.pop(slot) - 1
        if left:
            self._in_flight[slot] = left

    async def owner_of(self, request: Request, order: Order) -> str | None:
        """Return where the process answers that writes the order's partition, if it is another.

        None also for a request that was passed on already.
        """
        return await self.passing.owner_of(request, self._lane_of(order).lease)

    def _lane_of(self, order: Order) -> Lane:
        return self.lanes[partition_of(order.wallet_id, len(self.lanes))]

    async def _submit(self, lane: Lane, order: Order) -> Answer:
        slot = (order.caller, order.key)
        before = self._in_flight.get(slot, 0)
        repeat = before > 0
        self._in_flight[slot] = before + 1
        try:
            if not repeat:
                return await lane.submit(order)
            async with asyncio.timeout(REPEAT_SECONDS):
                return await lane.submit(order)
        except TimeoutError:
            raise Problem("request-in-flight" if repeat else "unavailable") from None
        finally:
            self._land(slot)

"""From an order to its answer: by this process if it writes the partition, else passed on once."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Final

import httpx
from starlette.requests import Request
from starlette.responses import Response

from events.leases import Leases
from events.log import partition_of
from wallet_ledger.answers import Answer
from wallet_ledger.group import Order
from wallet_ledger.lane import Lane, NotOwner, QueueFull, Undecidable
from web.kept import KeptResponse
from web.problems import Problem

REPEAT_SECONDS: Final = 5.0
"""How long a repeat waits for the first request with its key."""

ANSWER_SECONDS: Final = 9.0
"""How long a command may take before its client is told to ask again."""

FORWARDED: Final = "x-kembalian-forwarded"
PASSED_HEADERS: Final = ("authorization", "idempotency-key", "content-type", "traceparent")


class Ledger:
    """All lanes of this process, and the way to the process that owns the others."""

    def __init__(self, lanes: Sequence[Lane], leases: Leases, client: httpx.AsyncClient) -> None:
        self.lanes = lanes
        self.client = client
        self._leases = leases
        self._in_flight: Counter[tuple[str, str]] = Counter()

    async def serve(self, request: Request, order: Order) -> Response:
        """Return the order's outcome, or its first one if it repeats another.

        Raises Problem: 409 `request-in-flight` for a repeat whose first is not answered in time,
        503 `unavailable` if nobody can take it now, or if it is unknown what became of it.
        """
        try:
            answer = await self.decide_here(order)
        except NotOwner:
            return await self._pass_on(request, self._lane_of(order))
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

    async def owner_of(self, request: Request, order: Order) -> str | None:
        """Return where the process answers that writes the order's partition, if it is another.

        None also for a request that was passed on already.
        """
        return await self._owner(request, self._lane_of(order))

    async def _owner(self, request: Request, lane: Lane) -> str | None:
        holder = await self._leases.holder(lane.lease)
        if holder is None or holder[0] == self._leases.owner or FORWARDED in request.headers:
            return None
        return holder[1]

    def _lane_of(self, order: Order) -> Lane:
        return self.lanes[partition_of(order.wallet_id, len(self.lanes))]

    async def _submit(self, lane: Lane, order: Order) -> Answer:
        slot = (order.caller, order.key)
        repeat = self._in_flight[slot] > 0
        self._in_flight[slot] += 1
        try:
            async with asyncio.timeout(REPEAT_SECONDS if repeat else ANSWER_SECONDS):
                return await lane.submit(order)
        except TimeoutError:
            raise Problem("request-in-flight" if repeat else "unavailable") from None
        finally:
            self._in_flight[slot] -= 1
            if not self._in_flight[slot]:
                del self._in_flight[slot]

    async def _pass_on(self, request: Request, lane: Lane) -> Response:
        """Let the process that owns the partition answer: once, never in a circle."""
        address = await self._owner(request, lane)
        if address is None:
            raise Problem("unavailable", "the ledger is being taken over")
        headers = {
            name: request.headers[name] for name in PASSED_HEADERS if name in request.headers
        }
        try:
            answer = await self.client.request(
                request.method,
                address + request.url.path,
                content=await request.body(),
                headers={**headers, FORWARDED: "1"},
            )
        except httpx.HTTPError as error:
            raise Problem("unavailable", "the ledger is being taken over") from error
        kept = ("content-type", "idempotent-replayed", "retry-after", "www-authenticate")
        passed = {name: answer.headers[name] for name in kept if name in answer.headers}
        return Response(answer.content, answer.status_code, passed)

"""Passing a request on to the process that owns its partition: once, never in a circle."""

import asyncio
from typing import Final

import httpx
from starlette.requests import Request
from starlette.responses import Response

from events.leases import Holder, Leases
from wallet_ledger.fellows import Fellows
from web.problems import Problem

HANDOVER_SECONDS: Final = 2.0
"""How long a request waits for a partition that nobody owns: an orderly handover takes less."""

WAITING_MAX: Final = 500
"""Requests that wait for a handover at a time; more are told to come again."""

LOOK_SECONDS: Final = 0.05
FORWARDED: Final = "x-kembalian-forwarded"
PASSED_HEADERS: Final = ("authorization", "idempotency-key", "content-type", "traceparent")
KEPT_HEADERS: Final = ("content-type", "idempotent-replayed", "retry-after", "www-authenticate")

MISDIRECTED: Final = 421
"""What a process answers to one that passed on a request which is not its own (any more)."""


class Passing:
    """The way from this process to the others."""

    def __init__(self, leases: Leases, fellows: Fellows, client: httpx.AsyncClient) -> None:
        self._leases = leases
        self._fellows = fellows
        self.client = client
        self._waiting = 0

    def handover_ends(self) -> float:
        """Return until when a request that comes now may wait, on the event loop's clock."""
        return asyncio.get_running_loop().time() + HANDOVER_SECONDS

    async def ask(self, request: Request, lease: str, until: float) -> Response | None:
        """Return the owner's answer, None if it may be ours meanwhile: the caller looks again.

        Raises Problem 503 `unavailable` if nobody owns the partition by `until`.
        """
        forwarded = FORWARDED in request.headers
        seen = self._fellows.seen.get(lease)  # half a second old at most, and mostly right
        holder = await self._leases.holder(lease) if forwarded else seen
        while True:
            ours = holder is not None and holder.owner == self._leases.owner
            if forwarded and not ours:
                return Response(status_code=MISDIRECTED)
            if holder is not None and not ours:
                answer = await self._forward(request, holder)
                if answer is not None:
                    return answer
            await self._wait(until)
            if ours:
                return None
            holder = await self._leases.holder(lease)

    async def owner_of(self, request: Request, lease: str) -> str | None:
        """Return where the owner of `lease` answers, None if that is us or nobody.

        None also for a request that was passed on already.
        """
        holder = await self._leases.holder(lease)
        if holder is None or holder.owner == self._leases.owner or FORWARDED in request.headers:
            return None
        return holder.address

    async def _wait(self, until: float) -> None:
        late = asyncio.get_running_loop().time() >= until
        if late or self._waiting >= WAITING_MAX:
            raise Problem("unavailable", "the ledger is being taken over")
        self._waiting += 1
        try:
            await asyncio.sleep(LOOK_SECONDS)
        finally:
            self._waiting -= 1

    async def _forward(self, request: Request, holder: Holder) -> Response | None:
        """Return what `holder` answers, None if it is not the owner or cannot be reached."""
        headers = {
            name: request.headers[name] for name in PASSED_HEADERS if name in request.headers
        }
        try:
            answer = await self.client.request(
                request.method,
                holder.address + request.url.path,
                content=await request.body(),
                headers={**headers, FORWARDED: "1"},
            )
        except httpx.ConnectError:
            return None
        except httpx.HTTPError as error:
            raise Problem("unavailable", "the ledger is being taken over") from error
        if answer.status_code == MISDIRECTED:
            return None
        passed = {name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers}
        return Response(answer.content, answer.status_code, passed)

"""The merged OpenAPI document, asked of the services and kept for a few seconds."""

import asyncio
import json
from collections.abc import Mapping

from gateway import openapi
from gateway.routing import Service
from gateway.service_token import GuestToken
from gateway.upstream import Upstream
from web.problems import Problem

FRESH_SECONDS = 5.0


class Documents:
    """Gives the union; an older one while a service is down, 503 if there never was one."""

    def __init__(self, upstreams: Mapping[Service, Upstream], guest: GuestToken) -> None:
        self._upstreams = upstreams
        self._guest = guest
        self._merged: bytes | None = None
        self._fresh_until = 0.0  # on the event loop's clock, seconds
        self._asking = asyncio.Lock()

    async def merged(self) -> bytes:
        """Return the document as JSON. Raises Problem 503."""
        async with self._asking:  # one round of questions for all who wait
            clock = asyncio.get_running_loop().time
            if self._merged is None or clock() >= self._fresh_until:
                try:
                    self._merged = await self._ask()
                except (Problem, openapi.MalformedDocument) as error:
                    if self._merged is None:
                        raise Problem("unavailable", "A service does not answer yet.") from error
                self._fresh_until = clock() + FRESH_SECONDS
            return self._merged

    async def _ask(self) -> bytes:
        """Ask every service at once and merge. Raises Problem or MalformedDocument."""
        token = [(b"authorization", await self._guest.authorization())]
        services = list(self._upstreams)
        answers = await asyncio.gather(
            *(self._upstreams[service].whole(b"/openapi.json", token) for service in services)
        )
        documents: dict[Service, openapi.Json] = {}
        for service, answer in zip(services, answers, strict=True):
            if answer.status != 200:
                raise openapi.MalformedDocument(f"{service} answers {answer.status}")
            documents[service] = openapi.parse(answer.held)
        return json.dumps(openapi.merge(documents), ensure_ascii=False).encode("utf-8")

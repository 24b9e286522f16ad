"""The gateway as the demo uses it: logged in, and asking again until there is an answer."""

import asyncio
from typing import Any, cast

import httpx

API = "/api/v1"
PATIENCE_S = 60
ASK_EVERY_S = 0.3
PASSING = {429, 503}


class Refused(Exception):
    """The gateway refused what the demo needs; the message is its problem document."""


class Door:
    """The gateway's API as one person sees it. Every command has a key, so it can be repeated."""

    def __init__(self, client: httpx.AsyncClient, token: str = "") -> None:
        self._client = client
        self.token = token
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def login(self, username: str, password: str) -> "Door":
        """Return the door as `username` sees it. Raises: Refused."""
        credentials = {"username": username, "password": password}
        answer = await self._ask("POST", "/auth/token", json=credentials)
        return Door(self._client, str(answer["access_token"]))

    async def post(self, path: str, key: str, body: dict[str, object]) -> dict[str, Any]:
        """Send a command under an idempotency key; return its answer. Raises: Refused."""
        return await self._ask("POST", path, json=body, headers={"Idempotency-Key": key})

    async def get(self, path: str, **query: str) -> dict[str, Any]:
        """Return what a path shows. Raises: Refused."""
        return await self._ask("GET", path, params=query)

    async def _ask(self, method: str, path: str, **parts: Any) -> dict[str, Any]:
        headers = {**self._headers, **parts.pop("headers", {})}
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    answer = await self._client.request(
                        method, API + path, headers=headers, **parts
                    )
                except httpx.TransportError:
                    await asyncio.sleep(ASK_EVERY_S)
                    continue
                if answer.is_success:
                    return cast("dict[str, Any]", answer.json())
                if answer.status_code not in PASSING:
                    raise Refused(f"{method} {path}: {answer.status_code} {answer.text}")
                await asyncio.sleep(ASK_EVERY_S)

"""Calls from service to service: a token of our own, short time-outs, 503 instead of a riddle."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

import httpx

from web.problems import Problem
from web.settings import ServiceSettings
from web.trust import trusted

TIMEOUT_SECONDS: Final = 2.0
CONNECTIONS_MAX: Final = 100
RENEW_AT: Final = 0.8  # of a token's life


class ServiceTokens:
    """This service's own access token, fetched from identity and renewed before it expires."""

    def __init__(
        self,
        settings: ServiceSettings,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._client = _client(settings.identity_url, transport)
        self._monotonic = monotonic
        self._token: str | None = None
        self._renew_at = 0.0
        self._fetching = asyncio.Lock()

    async def token(self) -> str:
        """Return a token that is valid for a while. Raises Problem 503."""
        if self._token is not None and self._monotonic() < self._renew_at:
            return self._token
        async with self._fetching:  # one fetch for all who wait
            if self._token is not None and self._monotonic() < self._renew_at:
                return self._token
            return await self._fetch()

    def forget(self, token: str) -> None:
        """Drop `token`, which a peer refused; the next call fetches another one."""
        if self._token == token:
            self._token = None

    async def _fetch(self) -> str:
        try:
            credentials = {
                "client_id": self._settings.service_name,
                "client_secret": self._settings.service_secret(),
            }
            answer = await self._client.post("/internal/token", json=credentials)
            answer.raise_for_status()
            body: dict[str, Any] = answer.json()
            token = str(body["access_token"])
            self._renew_at = self._monotonic() + RENEW_AT * float(body["expires_in"])
        except (httpx.HTTPError, OSError, ValueError, KeyError, TypeError) as error:
            raise Problem("unavailable", "identity gives no token at the moment") from error
        self._token = token
        return token

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()


class Peer:
    """Another service, called with our token."""

    def __init__(
        self,
        name: str,
        url: str,
        tokens: ServiceTokens,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.name = name
        self._tokens = tokens
        self._client = _client(url, transport)

    async def get(self, path: str, *, params: dict[str, str] | None = None) -> httpx.Response:
        """Return the answer to GET, whose status is below 500. Raises Problem 503."""
        return await self._call("GET", path, params=params, json=None)

    async def post(self, path: str, body: object) -> httpx.Response:
        """Return the answer to POST, whose status is below 500. Raises Problem 503."""
        return await self._call("POST", path, params=None, json=body)

    async def _call(
        self, method: str, path: str, *, params: dict[str, str] | None, json: object
    ) -> httpx.Response:
        for last in (False, True):
            token = await self._tokens.token()
            headers = {"authorization": f"Bearer {token}"}
            try:
                answer = await self._client.request(
                    method, path, params=params, json=json, headers=headers
                )
            except (httpx.HTTPError, OSError) as error:
                raise Problem("unavailable", f"{self.name} does not answer") from error
            if answer.status_code != 401 or last:
                break
            self._tokens.forget(token)  # signed by a key that is gone: once with a new one
        if answer.status_code >= 500 or answer.status_code in (401, 403, 429):
            raise Problem("unavailable", f"{self.name} cannot answer")
        return answer

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def _client(url: str, transport: httpx.AsyncBaseTransport | None) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=url,
        timeout=TIMEOUT_SECONDS,
        limits=httpx.Limits(max_connections=CONNECTIONS_MAX, keepalive_expiry=30),
        transport=transport,
        trust_env=False,
        verify=trusted(),
    )

"""For tests of identity: the house around it, and callers who have tokens."""

import json
import secrets
from typing import Any

import asyncpg
import httpx

from identity.config import Settings
from identity.resources import Resources
from web.peers import Peer, ServiceTokens

ADMIN_PASSWORD = "an admin's password"  # noqa: S105

MEMBER: dict[str, Any] = {
    "name": "Susila",
    "address": "Jl. Raya Puputan 86",
    "identity_number": "5171012345678901",
    "auto_save_consent": True,
}


class House:
    """catalog and wallet-ledger as identity sees them; each can be away."""

    def __init__(self, settings: Settings) -> None:
        self.stores = {"kantin", "koperasi"}
        self.balances: dict[str, int] = {}
        self.catalog_away = self.ledger_away = False
        tokens = ServiceTokens(settings, transport=httpx.MockTransport(self._token))
        self.catalog = Peer("catalog", "http://c", tokens, transport=_mock(self._catalog))
        self.ledger = Peer("wallet-ledger", "http://w", tokens, transport=_mock(self._ledger))

    def _token(self, _: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"access_token": "t", "expires_in": 1800})

    def _catalog(self, request: httpx.Request) -> httpx.Response:
        if self.catalog_away:
            raise httpx.ConnectError("away")
        store_id = request.url.path.removeprefix("/api/v1/stores/")
        return httpx.Response(200 if store_id in self.stores else 404, json={})

    def _ledger(self, request: httpx.Request) -> httpx.Response:
        if self.ledger_away:
            raise httpx.ReadTimeout("away")
        assert request.url.path == "/internal/balances"
        ids: list[str] = json.loads(request.content)["member_ids"]
        assert 0 < len(ids) <= 200
        found = {each: self.balances[each] for each in ids if each in self.balances}
        return httpx.Response(200, json={"balances": found})


def _mock(handler: Any) -> httpx.MockTransport:
    return httpx.MockTransport(handler)


class Client:
    """Calls identity as one caller; POSTs carry a fresh key unless one is given."""

    def __init__(self, http: httpx.AsyncClient, token: str) -> None:
        self._http = http
        self.headers = {"authorization": f"Bearer {token}"}

    async def get(self, path: str, **params: Any) -> httpx.Response:
        """Return the answer to GET; `path` is below /api/v1."""
        return await self._http.get(f"/api/v1{path}", params=params, headers=self.headers)

    async def patch(self, path: str, body: object) -> httpx.Response:
        """Return the answer to PATCH."""
        return await self._http.patch(f"/api/v1{path}", json=body, headers=self.headers)

    async def post(
        self, path: str, body: object, key: str | None = None, **headers: str
    ) -> httpx.Response:
        """Return the answer to POST."""
        own = {"idempotency-key": key or secrets.token_hex(8), **self.headers, **headers}
        return await self._http.post(f"/api/v1{path}", json=body, headers=own)


class Service:
    """The running service, its database and the house around it."""

    def __init__(
        self, http: httpx.AsyncClient, resources: Resources, house: House, dsn: str
    ) -> None:
        self.http, self.resources, self.house, self.dsn = http, resources, house, dsn

    @property
    def pool(self) -> asyncpg.Pool:
        """Return connections of the role that serves."""
        return self.resources.pool

    async def guest(self) -> Client:
        """Return a caller who is not logged in."""
        return Client(self.http, await self.resources.signer.sign("guest", "gateway"))

    async def service(self) -> Client:
        """Return another service."""
        return Client(self.http, await self.resources.signer.sign("service", "wallet-ledger"))

    async def admin(self) -> Client:
        """Return the admin."""
        return Client(self.http, await self.resources.signer.sign("admin", "anna", username="anna"))

    async def role(self, role: str, subject: str, **claims: str) -> Client:
        """Return a caller of any role."""
        token = await self.resources.signer.sign(role, subject, username=subject, **claims)
        return Client(self.http, token)

    async def login(self, username: str, password: str, **headers: str) -> httpx.Response:
        """Return the answer to a login."""
        body = {"username": username, "password": password}
        return await (await self.guest()).post("/auth/token", body, **headers)

    async def logged_in(self, username: str, password: str) -> Client:
        """Return the caller that a login makes."""
        answer = await self.login(username, password)
        assert answer.status_code == 200, answer.text
        return Client(self.http, answer.json()["access_token"])

    async def register(self, name: str = "Susila", **changes: Any) -> dict[str, Any]:
        """Register a member at the counter; return what the system issued."""
        body = {**MEMBER, "name": name, **changes}
        answer = await (await self.admin()).post("/members", body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def count(self, table: str) -> int:
        """Return how many rows a table has."""
        return await self.pool.fetchval(f"SELECT count(*) FROM {table}")  # noqa: S608

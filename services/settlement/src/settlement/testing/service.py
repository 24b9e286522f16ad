"""The service's routes on a real database; the other services are answers made here."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import asyncpg
import httpx

from settlement import api, reports
from settlement.config import Settings
from settlement.directory import Directory
from settlement.resources import Resources
from settlement.snapshots import Snapshots
from web.app import create_app
from web.peers import Peer, ServiceTokens
from web.testing import SigningIdentity

Json: TypeAlias = dict[str, Any]

PEER: Final = "http://peer"
IDENTITY: Final = SigningIdentity()


class Peers:
    """Stands for the other services: who exists, where the ledger was, or nobody answers."""

    def __init__(self) -> None:
        self.known: set[str] = set()
        self.place = ""
        self.down = False
        self.future = False
        self.asked: list[str] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Return what the peer answers. Raises httpx.ConnectError while down."""
        if self.down:
            raise httpx.ConnectError("down")
        path = request.url.path
        if path == "/internal/token":
            return httpx.Response(200, json={"access_token": "t", "expires_in": 600})
        self.asked.append(str(request.url).removeprefix(PEER))
        if path == "/internal/place":
            status = 422 if self.future else 200
            return httpx.Response(status, json={"ledger_position": self.place})
        return httpx.Response(200 if path.rsplit("/", 1)[1] in self.known else 404, json={})


@dataclass(frozen=True, slots=True)
class Refusal:
    """A problem: its status, its slug, and the fields that it names."""

    status: int
    slug: str
    fields: list[str]


@dataclass(frozen=True, slots=True)
class Service:
    """The service as a client sees it; `query` may hold names that Python reserves."""

    client: httpx.AsyncClient

    async def ask(
        self, path: str, query: dict[str, str] | None = None, role: str = "admin", **claims: str
    ) -> httpx.Response:
        """Return the answer to a caller of `role`, whatever it is."""
        return await self.client.get(path, params=query, headers=IDENTITY.headers(role, **claims))

    async def get(self, path: str, **query: str) -> Json:
        """Return the body of the answer to an admin, which must be a success."""
        answer = await self.ask(path, query)
        answer.raise_for_status()
        return answer.json()

    async def refused(
        self, path: str, query: dict[str, str] | None = None, role: str = "admin", **claims: str
    ) -> Refusal:
        """Return the problem that a caller of `role` gets."""
        return refusal(await self.ask(path, query, role, **claims))


def refusal(answer: httpx.Response) -> Refusal:
    """Return the problem in an answer."""
    body: Json = answer.json()
    fields = [str(error["field"]) for error in body.get("errors", [])]
    return Refusal(answer.status_code, str(body["type"]).removeprefix("/problems/"), fields)


@asynccontextmanager
async def serving(dsn: str, peers: Peers, secret_file: Path) -> AsyncGenerator[Service]:
    """Serve the views in the database `dsn` to one client, in this process."""
    settings = Settings(
        database_url=dsn,
        kafka_bootstrap="127.0.0.1:9",
        identity_url=PEER,
        service_secret_file=secret_file,
    )
    app = create_app(
        "settlement",
        settings=settings,
        routers=[api.routes, reports.routes],
        ready=_ready,
        verifier=IDENTITY.verifier(),
    )
    transport = httpx.MockTransport(peers.answer)
    tokens = ServiceTokens(settings, transport=transport)
    peer = Peer("peer", PEER, tokens, transport=transport)
    async with (
        asyncpg.create_pool(dsn, min_size=1, max_size=4) as pool,
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://own") as client,
    ):
        app.state.resources = Resources(Snapshots(pool, peer), Directory(pool, peer, peer))
        yield Service(client)
    await peer.aclose()
    await tokens.aclose()


async def _ready() -> bool:
    return True

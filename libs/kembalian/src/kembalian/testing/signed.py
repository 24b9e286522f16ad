"""A ledger with history in it, one that signs it, and the stand-alone verifier."""

import json
import subprocess
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from events import log
from events.contracts import name_of
from events.contracts.base import Posting
from events.contracts.wallet import TopUp
from events.envelope import Cause, seal
from events.leases import Leases
from events.log import NewEvent, partition_of
from kembalian import kembalian_verify
from kembalian.grounds.databases import Databases
from wallet_ledger import api_ledger
from wallet_ledger.checkpoints import Pace
from wallet_ledger.config import PARTITIONS, Settings
from wallet_ledger.signer import Signer
from web.app import create_app
from web.testing import SigningIdentity

WASH = (
    "TRUNCATE log.event, log.link, log.outcome, log.lease, view.tree_node",
    (
        "UPDATE log.counter SET position = 0, epoch = 0, recorded_at = '1970-01-01 00:00:00+00',"
        " link = decode(repeat('00', 32), 'hex')"
    ),
)

OFTEN = Pace(events=1, seconds=0)


def member(n: int) -> str:
    """Return the id of a member."""
    return f"01990000-0000-7000-8000-{n:012d}"


class History:
    """A ledger's database and what was written there, event ids in order."""

    def __init__(self, databases: Databases, pool: asyncpg.Pool, key_file: Path) -> None:
        self.databases = databases
        self.pool = pool
        self.key_file = key_file
        self.events: list[tuple[str, UUID]] = []
        self.versions: dict[str, int] = {}

    async def append(self, *counts: int, wallet: str = member(1)) -> list[UUID]:
        """Append groups of so many top-ups of one wallet; return the ids of their events."""
        made: list[UUID] = []
        async with self.pool.acquire() as connection:
            for count in counts:
                events = [self._event(wallet) for _ in range(count)]
                await log.append(connection, partition_of(wallet, PARTITIONS), events)
                made += [event.event_id for event in events]
        self.events += [(wallet, event_id) for event_id in made]
        return made

    def _event(self, wallet: str) -> NewEvent:
        version = self.versions.get(wallet, 0) + 1
        self.versions[wallet] = version
        data = TopUp(
            wallet_id=wallet,
            balance=version,
            postings=(Posting(account="a", amount=1), Posting(account="b", amount=-1)),
            card_number="1000",
            store_id="kantin",
            cashier_id="kasir-1",
            issuer="kantin",
            amount=1,
        )
        event_id = uuid4()
        body = seal(
            data,
            source="wallet-ledger",
            event_id=event_id,
            stream=wallet,
            version=version,
            time=datetime.now(UTC),
            cause=Cause("test"),
        )
        return NewEvent(wallet, version, name_of(data), event_id, body)

    def signer(self, pace: Pace = OFTEN) -> Signer:
        """Return the signer of another process."""
        return Signer(self.pool, Leases(self.pool, "test"), self.key_file, pace)

    async def as_superuser(self, *statements: str) -> None:
        """Do what no application can do."""
        connection = await asyncpg.connect(self.databases.admin_dsn)
        try:
            await connection.execute("SET session_replication_role = replica")
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()


class Calls:
    """The calls of the ledger's history as a client sees them."""

    def __init__(self, client: httpx.AsyncClient, identity: SigningIdentity) -> None:
        self.client = client
        self.identity = identity

    async def ask(
        self, path: str, role: str = "guest", who: str = "anna", **query: str
    ) -> httpx.Response:
        """Return the answer to somebody of `role`."""
        headers = self.identity.headers(role, sub=who)
        return await self.client.get(f"/api/v1/ledger{path}", params=query, headers=headers)

    async def get(
        self, path: str, role: str = "auditor", who: str = "anna", **query: str
    ) -> dict[str, Any]:
        """Return the body of a success."""
        answer = await self.ask(path, role, who, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()


@asynccontextmanager
async def serving(history: History) -> AsyncGenerator[Calls]:
    """Serve the calls on a history's database, in this process."""
    identity = SigningIdentity()
    settings = Settings(database_url=history.databases.app_dsn, kafka_bootstrap="127.0.0.1:9")
    app = create_app(
        "wallet-ledger",
        settings=settings,
        routers=[api_ledger.api],
        ready=_ready,
        verifier=identity.verifier(),
    )
    app.state.pool = history.pool
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://own") as client:
        yield Calls(client, identity)


async def _ready() -> bool:
    return True


class Verifier:
    """The stand-alone verifier: in this process, or as a customer runs it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._folder = folder
        self._capsys = capsys

    def files(self, *answers: dict[str, Any]) -> list[str]:
        """Return the names of files with these answers."""
        paths = [self._folder / f"{uuid4().hex}.json" for _ in answers]
        for path, answer in zip(paths, answers, strict=True):
            path.write_text(json.dumps(answer))
        return [str(path) for path in paths]

    def check(self, *answers: dict[str, Any], key: str, words: Sequence[str] = ()) -> int:
        """Return the exit code."""
        code = kembalian_verify.main([*self.files(*answers), "--key", key, *words])
        self._capsys.readouterr()
        return code

    def run(self, *answers: dict[str, Any], key: str) -> subprocess.CompletedProcess[str]:
        """Run it away from our code: only its own file and `cryptography`."""
        command = [sys.executable, kembalian_verify.__file__, *self.files(*answers), "--key", key]
        return subprocess.run(
            command, capture_output=True, text=True, cwd=self._folder, timeout=150, check=False
        )

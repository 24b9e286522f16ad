"""Views as a fold of the log: dropped, rebuilt and compared; what holds while the rest is away."""

import asyncio
import hashlib

import asyncpg
import httpx
import pytest

from identity.app import make_app
from identity.config import Settings
from identity.operations import export, rebuild
from identity.testing import Service
from kembalian.grounds.databases import Databases


async def digest(dsn: str) -> str:
    sha = hashlib.sha256()
    async for line in export(dsn):
        assert "\n" not in line
        sha.update(f"{line}\n".encode())
    return sha.hexdigest()


def quiet(done: int, end: int) -> None:
    """Hear of progress and say nothing."""


async def filled(service: Service) -> None:
    """Make three members, two of whom changed, and staff who moved."""
    admin = await service.admin()
    members = [await service.register(f"Member {n}") for n in range(3)]
    for member in members[:2]:
        await admin.patch(f"/members/{member['member_id']}", {"auto_save_consent": False})
    cashier = {"cashier_id": "ani", "name": "Ani", "store_id": "kantin", "password": "0123456789"}
    await admin.post("/cashiers", cashier)
    await admin.patch("/cashiers/ani", {"store_id": "koperasi"})
    operator = {"username": "budi", "name": "B", "store_id": "kantin", "password": "0123456789"}
    await admin.post("/operators", operator)


async def test_dropped_views_are_rebuilt_to_the_byte(service: Service) -> None:
    await filled(service)
    before = await digest(service.dsn)
    await service.pool.execute("DELETE FROM view.member")
    await service.pool.execute("UPDATE view.staff SET store_id = 'elsewhere'")
    assert await digest(service.dsn) != before

    told: list[tuple[int, int]] = []
    await rebuild(service.dsn, lambda done, end: told.append((done, end)))

    assert await digest(service.dsn) == before
    assert told[0] == (0, 8)
    assert told[-1] == (8, 8)


async def test_a_rebuild_while_members_register_loses_none(service: Service) -> None:
    await filled(service)

    async def rebuilds() -> None:
        for _ in range(5):
            await rebuild(service.dsn, quiet)

    await asyncio.gather(rebuilds(), *(service.register(f"Member {n}") for n in range(10)))

    after = await digest(service.dsn)
    assert await service.count("view.member") == 13
    await rebuild(service.dsn, quiet)
    assert await digest(service.dsn) == after


async def test_the_serving_role_cannot_change_history(service: Service) -> None:
    await service.register()

    for statement in (
        "UPDATE log.event SET stream = 'x'",
        "DELETE FROM log.event",
        "TRUNCATE log.outcome",
        "UPDATE private.signing_key SET signs = false",
        "DELETE FROM private.account",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await service.pool.execute(statement)


@pytest.fixture
def away(settings: Settings) -> Settings:
    """Settings under which nothing can be reached."""
    return settings.model_copy(update={"database_url": "postgresql://a:b@127.0.0.1:1/identity"})


async def test_without_a_database_every_call_is_503(away: Settings, service: Service) -> None:
    token = await service.resources.signer.sign("admin", "anna", username="anna")
    app = make_app(away)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://i") as http,
    ):
        headers = {"authorization": f"Bearer {token}"}
        paths = ("/readyz", "/.well-known/jwks.json", "/api/v1/members", "/api/v1/cashiers")
        for path in paths:
            answer = await http.get(path, headers=headers)
            assert answer.status_code == 503, path
            assert answer.headers["retry-after"]
        assert (await http.get("/livez")).status_code == 200


async def test_it_serves_while_the_broker_is_away(settings: Settings, database: Databases) -> None:
    assert settings.database_url == database.app_dsn
    app = make_app(settings)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://i") as http,
    ):
        assert (await http.get("/readyz")).status_code == 200
        login = {"client_id": "gateway", "client_secret": "secret of gateway"}
        token = (await http.post("/internal/token", json=login)).json()["access_token"]
        headers = {"authorization": f"Bearer {token}"}
        assert (await http.get("/api/v1/members/me", headers=headers)).status_code == 401
        assert "/api/v1/auth/token" in (await http.get("/openapi.json", headers=headers)).text

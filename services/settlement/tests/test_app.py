"""The service as a whole: without its database, and with a broker that it reads."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import httpx
import pytest
from aiokafka import TopicPartition

from events import dead_letters
from events.place import Place
from events.sending import producer, send
from events.topics import CATALOG, WALLET, Kafka
from kembalian.grounds.embedded_broker import EmbeddedBroker
from kembalian.grounds.ground import running
from kembalian.testing.databases import MakeDatabase
from settlement import operations
from settlement.app import make_app
from settlement.config import MIGRATIONS, Settings
from settlement.testing.feeding import busy
from settlement.testing.ledger import RANI, SUSILA, Ledger
from settlement.testing.publishing import make_topics, publish, recorded
from settlement.testing.service import IDENTITY, Json, Refusal, Service

POSITIONS = "/api/v1/settlement/positions"
PATIENCE_SECONDS = 60.0


@pytest.fixture
def kafka(tmp_path: Path) -> Generator[Kafka]:
    """A broker of one's own: the topics have fixed names, and other tests write to them too."""
    with running(EmbeddedBroker(tmp_path)) as broker:
        yield Kafka(broker.bootstrap, "embedded")


@asynccontextmanager
async def started(dsn: str, kafka: Kafka) -> AsyncGenerator[Service]:
    ground = "embedded" if kafka.embedded else "apache"
    settings = Settings(database_url=dsn, kafka_bootstrap=kafka.bootstrap, kafka_ground=ground)
    app = make_app(settings, verifier=IDENTITY.verifier())
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://own") as client,
    ):
        yield Service(client)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await condition():
            await asyncio.sleep(0.05)


async def digest(dsn: str) -> str:
    lines = [line async for line in operations.export(dsn)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


async def test_without_a_database_all_is_unavailable() -> None:
    async with started("postgresql://nobody@127.0.0.1:1/none", Kafka("127.0.0.1:1")) as service:
        ready = await service.client.get("/readyz")
        alive = await service.client.get("/livez")
        refused = await service.refused(POSITIONS)

    assert (ready.status_code, alive.status_code) == (503, 200)
    assert refused == Refusal(503, "unavailable", [])


async def test_views_that_were_dropped_are_unavailable_until_a_rebuild_makes_them_again(
    make_database: MakeDatabase, kafka: Kafka, ledger: Ledger
) -> None:
    database = make_database("settlement", MIGRATIONS)
    await make_topics(kafka)
    await publish(kafka, busy(ledger, entries=57).events)
    all_events = len(ledger.events)
    until_place = {WALLET.name: ledger.place, CATALOG.name: Place.of({0: 3})}
    seen: list[tuple[int, int]] = []

    async with started(database.app_dsn, kafka) as service:

        async def all_there() -> bool:
            places = await operations.places(database.app_dsn)
            return sum(place.position for place in places) == all_events

        await until(all_there)
        before, whole = await service.get(POSITIONS), await digest(database.app_dsn)
        owner = await asyncpg.connect(database.owner_dsn)
        await owner.execute("DROP SCHEMA view CASCADE")
        await owner.close()

        assert await service.refused(POSITIONS) == Refusal(503, "unavailable", [])
        assert (await service.client.get("/readyz")).status_code == 503
        await operations.rebuild(
            database.owner_dsn, lambda done, total: seen.append((done, total)), until_place
        )
        assert seen[-1] == (all_events, all_events)
        assert await digest(database.app_dsn) == whole
        assert await service.get(POSITIONS) == before


async def test_what_is_published_is_shown_and_a_rebuild_shows_the_same(
    dsn: str, kafka: Kafka, ledger: Ledger
) -> None:
    await make_topics(kafka)
    await publish(kafka, busy(ledger).events)
    seen: list[tuple[int, int]] = []

    async with started(dsn, kafka) as service:

        async def all_there() -> bool:
            answer = await service.ask(POSITIONS)
            return answer.is_success and answer.json()["ledger_position"] == str(ledger.place)

        await until(all_there)
        assert (await service.client.get("/readyz")).status_code == 200
        position = {"position": str(ledger.place)}
        before: Json = await service.get(POSITIONS, **position)
        whole = await digest(dsn)
        await operations.rebuild(dsn, lambda done, total: seen.append((done, total)))

        assert await service.get(POSITIONS, **position) == before
        assert await digest(dsn) == whole
    assert seen[-1] == (len(ledger.events), len(ledger.events))
    places = {(p.topic, p.partition): p.position for p in await operations.places(dsn)}
    assert sum(places.values()) == len(ledger.events)


async def test_a_message_that_cannot_be_read_waits_with_its_stream_and_stops_nobody_else(
    dsn: str, kafka: Kafka, ledger: Ledger
) -> None:
    await make_topics(kafka)
    await publish(kafka, ledger.events)
    broken, parked = ledger.save(SUSILA, "kantin", 300), ledger.save(SUSILA, "kantin", 200)
    async with producer(kafka) as through:
        where = TopicPartition(WALLET.name, broken.partition)
        await send(through, where, [recorded(broken, b"not an event"), recorded(parked)])
    await publish(kafka, [ledger.save(RANI, "kantin", 70)])

    async with started(dsn, kafka) as service:

        async def both_kept() -> bool:
            async with asyncpg.create_pool(dsn, min_size=1, max_size=1) as pool:
                states = await pool.fetch("SELECT state FROM log.dead_letter ORDER BY id")
            return [row["state"] for row in states] == ["dead", "parked"]

        await until(both_kept)

        async def others_go_on() -> bool:
            answer = await service.ask("/api/v1/stores/kantin/transactions")
            if not answer.is_success:  # the store's own event has not come yet
                return False
            return [item["saved"] for item in answer.json()["items"]] == [70]

        await until(others_go_on)

        connection = await asyncpg.connect(dsn)
        letters = await dead_letters.list_all(connection)
        await dead_letters.discard(connection, letters[0].id, operations.project)
        await connection.close()
        items = (await service.get("/api/v1/stores/kantin/transactions"))["items"]
        assert sorted(item["saved"] for item in items) == [70, 200]


async def test_a_rebuild_that_nobody_refills_says_so(
    dsn: str, filled: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "STALLED_SECONDS", 0.2)
    seen: list[tuple[int, int]] = []

    with pytest.raises(operations.RebuildStalled, match="is settlement running"):
        await operations.rebuild(dsn, lambda done, total: seen.append((done, total)))

    assert set(seen) == {(0, len(filled.events))}
    assert any(place.rebuilding for place in await operations.places(dsn))

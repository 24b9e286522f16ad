"""Fixtures of this folder: a migrated log, and rigs on the real and the embedded broker."""

import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TypeAlias

import asyncpg
import pytest

from events.migrate import log_migration
from events.testing import SEEN_TABLE, Rig
from events.topics import Kafka, Topic, ensure
from kembalian.grounds.databases import Databases
from kembalian.grounds.embedded_broker import EmbeddedBroker
from kembalian.grounds.ground import running
from kembalian.testing.databases import MakeDatabase
from kembalian.testing.kafka import Broker

PARTITIONS = 4

WASH = """
SET session_replication_role = replica; -- no trigger stands in the way
TRUNCATE log.event, log.link, log.outcome, log.lease, log.dead_letter, view.place, view.seen
    RESTART IDENTITY;
DELETE FROM log.counter;
INSERT INTO log.counter (partition) SELECT generate_series(0, 3);
"""

MakeRig: TypeAlias = Callable[[Broker], Awaitable[Rig]]


@pytest.fixture(scope="session")
def log_migrations(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of migrations as a service has it, for the roles `events_owner` and `events_app`."""
    folder = tmp_path_factory.mktemp("migrations")
    (folder / "0001_log.sql").write_text(log_migration("events_app", PARTITIONS))
    (folder / "0002_seen.sql").write_text(SEEN_TABLE.format(app="events_app"))
    return folder


@pytest.fixture(scope="session")
def log_database(make_database: MakeDatabase, log_migrations: Path) -> Databases:
    """The one database of this folder's tests: making one for each costs more than washing it."""
    return make_database("events", log_migrations)


@pytest.fixture
async def databases(log_database: Databases) -> Databases:
    """A database with an empty log of four partitions."""
    superuser = await asyncpg.connect(log_database.admin_dsn)
    await superuser.execute(WASH)
    await superuser.close()
    return log_database


@pytest.fixture
async def pool(databases: Databases) -> AsyncGenerator[asyncpg.Pool]:
    """Connections of the role that serves."""
    async with asyncpg.create_pool(databases.app_dsn, min_size=1, max_size=24) as connections:
        yield connections


@pytest.fixture(scope="session")
def embedded_broker(tmp_path_factory: pytest.TempPathFactory) -> Generator[EmbeddedBroker]:
    """The broker of `make run`, for the whole session."""
    with running(EmbeddedBroker(tmp_path_factory.mktemp("embedded"))) as broker:
        yield broker


def kafka_of(broker: Broker) -> Kafka:
    """Return how a service would be told of this broker."""
    return Kafka(broker.bootstrap, "embedded" if isinstance(broker, EmbeddedBroker) else "apache")


def end_the_test() -> None:
    """Stand in for the end of the process, which would be the end of all tests."""
    raise RuntimeError("the watchdog would have ended this process")


@pytest.fixture
async def make_rig(pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[MakeRig]:
    """Makes rigs; what runs in them is stopped when the test ends."""
    monkeypatch.setattr("events.topic_guard.GUARD_SECONDS", 0.5)
    monkeypatch.setattr("events.news.IDLE_SECONDS", 0.1)
    monkeypatch.setattr("events.leases.LEASE_SECONDS", 1.5)
    monkeypatch.setattr("events.leases.RENEW_SECONDS", 0.3)
    monkeypatch.setattr("events.progress.end_process", end_the_test)
    async with AsyncExitStack() as stack:

        async def make(broker: Broker) -> Rig:
            topic = Topic(f"kembalian.test-{secrets.token_hex(8)}.v1", PARTITIONS)
            rig = Rig(kafka_of(broker), topic, pool)
            stack.push_async_callback(rig.stop)
            return rig

        yield make


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stopped partition is looked at again after a second."""
    monkeypatch.setattr("events.consumer.RECHECK_SECONDS", 1.0)
    monkeypatch.setattr("events.consumer.PLACES_SECONDS", 0.2)


@pytest.fixture(params=["best", "embedded"])
async def rig(request: pytest.FixtureRequest, make_rig: MakeRig) -> Rig:
    """A rig whose topic exists, on the best broker of this machine and on the embedded one."""
    name = "kafka" if request.param == "best" else "embedded_broker"
    made = await make_rig(request.getfixturevalue(name))
    await ensure(made.kafka, made.topic)
    return made

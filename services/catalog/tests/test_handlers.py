"""Commands on a real PostgreSQL: what is kept, what races, what is left of a refusal."""

import asyncio
import json
from datetime import UTC, datetime
from hashlib import sha256
from uuid import uuid4

import asyncpg
import pytest

from catalog import queries
from catalog.domain import ChangeStore, RegisterStore, StoreUnknown
from catalog.handlers import Key, change, register
from catalog.publish import ForeignEvent, from_body
from catalog.store import PARTITION
from events import log, outcomes
from events.contracts.catalog import StoreChanged, StoreRegistered
from events.contracts.identity import CashierMoved
from events.envelope import Cause, open_envelope, seal
from events.log import RecordedEvent
from events.outcomes import KeyReused, RequestInFlight

CAUSE = Cause("request-1", traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
KANTIN = RegisterStore("kantin", "Kantin", "Gedung A", "store")


def key(name: str, request: object = KANTIN) -> Key:
    """Return a key of the admin; the request's repr stands for its fingerprint."""
    return Key("admin:1", name, sha256(repr(request).encode()).digest())


async def events_of(pool: asyncpg.Pool) -> list[RecordedEvent]:
    """Return the whole log."""
    async with pool.acquire() as connection:
        return await log.read(connection, PARTITION, 0)


async def test_a_registration_is_one_event_and_one_row(pool: asyncpg.Pool) -> None:
    answer = await register(pool, KANTIN, key("k"), CAUSE)

    (event,) = await events_of(pool)
    envelope = open_envelope(event.body)
    row = await pool.fetchrow("SELECT position, recorded_at FROM view.store")
    assert (answer.status, answer.replayed) == (201, False)
    assert json.loads(answer.body)["state"] == "active"
    assert (event.position, event.stream, event.version) == (1, "kantin", 1)
    assert envelope.event_id == str(event.event_id)
    assert envelope.data == StoreRegistered(
        store_id="kantin", name="Kantin", address="Gedung A", kind="store", state="active"
    )
    assert row is not None
    assert tuple(row) == (1, event.recorded_at)
    assert json.loads(event.body)["correlationid"] == "request-1"


async def test_a_repeat_gets_the_first_answer_and_makes_nothing(pool: asyncpg.Pool) -> None:
    first = await register(pool, KANTIN, key("k"), CAUSE)
    again = await register(pool, KANTIN, key("k"), CAUSE)

    assert (again.status, again.body, again.replayed) == (first.status, first.body, True)
    assert len(await events_of(pool)) == 1


async def test_a_refusal_is_kept_too(pool: asyncpg.Pool) -> None:
    await register(pool, KANTIN, key("first"), CAUSE)

    refused = await register(pool, KANTIN, key("second"), CAUSE)
    again = await register(pool, KANTIN, key("second"), CAUSE)

    assert (refused.status, refused.replayed) == (409, False)
    assert json.loads(refused.body)["type"] == "/problems/already-exists"
    assert (again.status, again.body, again.replayed) == (409, refused.body, True)
    assert len(await events_of(pool)) == 1


async def test_a_key_belongs_to_one_request_and_one_caller(pool: asyncpg.Pool) -> None:
    await register(pool, KANTIN, key("k"), CAUSE)
    other = RegisterStore("koperasi", "Koperasi", "Gedung B", "store")

    with pytest.raises(KeyReused):
        await register(pool, other, key("k", other), CAUSE)
    theirs = Key("admin:2", "k", key("k", other).fingerprint)
    assert (await register(pool, other, theirs, CAUSE)).status == 201


async def test_fifty_parallel_repeats_are_one_event_and_one_answer(pool: asyncpg.Pool) -> None:
    answers = await asyncio.gather(*(register(pool, KANTIN, key("k"), CAUSE) for _ in range(50)))

    assert {(answer.status, answer.body) for answer in answers} == {(201, answers[0].body)}
    assert sum(not answer.replayed for answer in answers) == 1
    assert len(await events_of(pool)) == 1


async def test_of_two_racing_registrations_one_exists_already(pool: asyncpg.Pool) -> None:
    for number in range(10):
        store = RegisterStore(f"store-{number}", "S", "A", "store")
        answers = await asyncio.gather(
            *(register(pool, store, key(f"{number}-{writer}", store), CAUSE) for writer in "ab")
        )
        assert sorted(answer.status for answer in answers) == [201, 409]

    assert len(await events_of(pool)) == 10


async def test_racing_changes_are_all_recorded_one_after_the_other(pool: asyncpg.Pool) -> None:
    await register(pool, KANTIN, key("k"), CAUSE)

    await asyncio.gather(
        *(change(pool, ChangeStore("kantin", f"Kantin {n}", None), CAUSE) for n in range(20))
    )

    events = await events_of(pool)
    last = open_envelope(events[-1].body).data
    async with pool.acquire() as connection:
        store = await queries.store(connection, "kantin")
    assert [event.version for event in events] == list(range(1, 22))
    assert isinstance(last, StoreChanged)
    assert store is not None
    assert store.name == last.name


async def test_a_change_of_nothing_is_no_event(pool: asyncpg.Pool) -> None:
    await register(pool, KANTIN, key("k"), CAUSE)

    store = await change(pool, ChangeStore("kantin", "Kantin", None), CAUSE)

    assert store.name == "Kantin"
    assert len(await events_of(pool)) == 1


async def test_an_unknown_store_is_not_changed(pool: asyncpg.Pool) -> None:
    with pytest.raises(StoreUnknown):
        await change(pool, ChangeStore("kantin", "Kantin", None), CAUSE)

    assert await events_of(pool) == []


async def test_a_repeat_waits_for_the_first_and_then_says_that_it_is_in_flight(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcomes, "LOCK_TIMEOUT", "SET LOCAL lock_timeout = '100ms'")
    async with pool.acquire() as connection, connection.transaction():
        assert await outcomes.earlier(connection, "admin:1", "k", key("k").fingerprint) is None

        with pytest.raises(RequestInFlight):
            await register(pool, KANTIN, key("k"), CAUSE)


@pytest.mark.parametrize(
    ("column", "value"),
    [("store_id", "platform"), ("store_id", "A"), ("name", ""), ("state", "gone"), ("kind", "x")],
)
async def test_the_database_checks_the_view_again(
    pool: asyncpg.Pool, column: str, value: str
) -> None:
    await register(pool, KANTIN, key("k"), CAUSE)

    with pytest.raises(asyncpg.CheckViolationError):
        await pool.execute(f"UPDATE view.store SET {column} = $1", value)  # noqa: S608


def test_another_service_s_event_is_not_taken_for_a_store_s() -> None:
    body = seal(
        CashierMoved(cashier_id="rina", store_id="kantin"),
        source="identity",
        event_id=uuid4(),
        stream="rina",
        version=1,
        time=datetime.now(UTC),
        cause=CAUSE,
    )

    with pytest.raises(ForeignEvent):
        from_body(body)

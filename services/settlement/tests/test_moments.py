"""Which state a read shows: now, not older than, or a moment of the past."""

import asyncio

import asyncpg
import pytest

from events.place import Place
from events.places import rewind
from settlement.operations import EMPTY_VIEWS
from settlement.testing.feeding import feed
from settlement.testing.ledger import SUSILA, Ledger
from settlement.testing.service import Peers, Refusal, Service

DAY = {"from": "2026-11-22", "to": "2026-11-22"}
POSITIONS = "/api/v1/settlement/positions"
MEMBER = "/api/v1/reports/member-transactions"
RECEIVABLES = "/api/v1/reports/receivables"
LIABILITIES = "/api/v1/reports/liabilities"
KANTIN = "/api/v1/stores/kantin/transactions"


async def test_a_report_at_a_position_is_the_same_bytes_whenever_it_is_made(
    service: Service, connection: asyncpg.Connection, filled: Ledger
) -> None:
    place, already = str(filled.place), len(filled.events)
    queries: list[tuple[str, dict[str, str]]] = [
        (MEMBER, {"member_id": SUSILA}),
        (RECEIVABLES, {"store_id": "kantin"}),
        (LIABILITIES, {"store_id": "koperasi"}),
        (POSITIONS, {}),
    ]

    async def made() -> list[bytes]:
        bodies: list[bytes] = []
        for path, query in queries:
            for shape in ("json", "csv"):
                asked = {**query, **DAY, "position": place, "format": shape}
                answer = await service.ask(path, asked)
                assert answer.status_code == 200
                bodies.append(answer.content)
        return bodies

    before = await made()
    unasked = await service.ask(MEMBER, {"member_id": SUSILA, **DAY})
    filled.save(SUSILA, "kantin", 900)
    filled.redeem(SUSILA, "kantin", 150)
    filled.redeem(SUSILA, "koperasi", 700)
    await feed(connection, filled.events[already:])

    assert await made() == before
    assert unasked.content == before[0]
    now = await service.get(MEMBER, member_id=SUSILA, **DAY)
    assert now["closing"] == 150


async def test_a_moment_of_the_past_is_the_ledgers_place_then(
    service: Service, connection: asyncpg.Connection, filled: Ledger, peers: Peers
) -> None:
    peers.place, already = str(filled.place), len(filled.events)
    filled.redeem(SUSILA, "fotokopi", 100)
    await feed(connection, filled.events[already:])

    then = await service.get(POSITIONS, as_of="2026-11-22T02:00:07.5+00:00")
    now = await service.get(POSITIONS)

    asked = "/internal/place?at=2026-11-22T02%3A00%3A07.500000Z"
    assert peers.asked == [asked]
    assert (then["as_of"], then["ledger_position"]) == ("2026-11-22T02:00:07.500000Z", peers.place)
    assert [i["position"] for i in then["items"]] == [-5_000, 200, -300, 0]
    assert [i["position"] for i in now["items"]] == [-4_900, 200, -300, 0]


async def test_at_least_waits_for_what_was_just_written(
    service: Service, connection: asyncpg.Connection, filled: Ledger
) -> None:
    already = len(filled.events)
    written = filled.save(SUSILA, "kantin", 50)
    at_least = str(Place.of({written.partition: written.position}))

    async with asyncio.TaskGroup() as group:
        reading = group.create_task(service.get(KANTIN, at_least=at_least))
        await asyncio.sleep(0.1)
        await feed(connection, filled.events[already:])

    assert reading.result()["items"][-1]["saved"] == 50


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("field", ["at_least", "position"])
async def test_a_place_that_is_not_reached_in_time_is_unavailable(
    service: Service, ledger: Ledger, field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("settlement.snapshots.WAIT_SECONDS", 0.1)
    ahead = Place.of((p, position + 1) for p, position in ledger.place.positions)

    answer = await service.ask(POSITIONS, {field: str(ahead)})

    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable")
    assert answer.headers["retry-after"] == "1"


@pytest.mark.usefixtures("filled")
async def test_a_view_that_is_being_refilled_is_never_shown(
    service: Service,
    connection: asyncpg.Connection,
    ledger: Ledger,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("settlement.snapshots.WAIT_SECONDS", 0.1)
    before = await service.get(POSITIONS)
    events = ledger.events
    await rewind(connection)
    for statement in EMPTY_VIEWS:
        await connection.execute(statement)

    await feed(connection, events[:-1])
    assert await service.refused(POSITIONS) == Refusal(503, "unavailable", [])
    query = {"member_id": SUSILA, **DAY}
    assert await service.refused(MEMBER, query) == Refusal(503, "unavailable", [])

    await feed(connection, events[-1:])
    assert await service.get(POSITIONS) == before


async def test_the_ledgers_clock_decides_what_is_future(service: Service, peers: Peers) -> None:
    peers.future = True

    refused = await service.refused(POSITIONS, {"as_of": "2026-11-22T00:00:00Z"})

    assert refused == Refusal(422, "invalid-request", ["as_of"])


async def test_a_silent_ledger_makes_the_past_unavailable_and_nothing_else(
    service: Service, peers: Peers
) -> None:
    peers.down = True

    refused = await service.refused(POSITIONS, {"as_of": "2026-11-22T00:00:00Z"})

    assert refused == Refusal(503, "unavailable", [])
    assert (await service.ask(POSITIONS)).status_code == 200

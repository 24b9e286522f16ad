"""Positions, and a store's transactions page by page."""

import asyncpg

from settlement.testing.feeding import feed
from settlement.testing.ledger import RANI, SUSILA, Ledger
from settlement.testing.service import Json, Refusal, Service

POSITIONS = "/api/v1/settlement/positions"
KANTIN = "/api/v1/stores/kantin/transactions"
OTHER = "0197b0c0-0000-7000-8000-00000000ffff"


async def test_positions_list_every_store_and_the_platform(
    service: Service, filled: Ledger
) -> None:
    answer = await service.get(POSITIONS)

    columns = ("store_id", "receivable", "liability", "net", "issued", "position", "deposit")
    assert [tuple(item[c] for c in columns) for item in answer["items"]] == [
        ("fotokopi", 0, 0, 0, 5_000, -5_000, 0),
        ("kantin", 200, 0, 200, 0, 200, 0),
        ("koperasi", 0, 200, -200, 100, -300, 0),
        ("platform", 0, 0, 0, 0, 0, 0),
    ]
    assert answer["ledger_position"] == str(filled.place)
    assert answer["as_of"] == "2026-11-22T02:00:06.000000Z"


async def test_an_empty_view_has_only_the_platform(service: Service) -> None:
    answer = await service.get(POSITIONS)

    assert [item["store_id"] for item in answer["items"]] == ["platform"]
    assert answer["ledger_position"] == "0-0_1-0_2-0_3-0_4-0_5-0_6-0_7-0"
    assert answer["as_of"] == "1970-01-01T00:00:00.000000Z"


async def test_a_stores_transactions_show_its_position_after_each(
    service: Service, filled: Ledger
) -> None:
    answer = await service.get(KANTIN)

    saved, spent = filled.events[4], filled.events[5]
    common = {"card_number": "62001000", "cashier_id": "kantin-1"}
    assert answer == {
        "items": [
            {
                "event_id": saved.envelope.event_id,
                "at": "2026-11-22T02:00:04.000000Z",
                **common,
                "kind": "change",
                "saved": 400,
                "redeemed": 0,
                "position": -400,
            },
            {
                "event_id": spent.envelope.event_id,
                "at": "2026-11-22T02:00:05.000000Z",
                **common,
                "kind": "redemption",
                "saved": 0,
                "redeemed": 600,
                "position": 200,
            },
        ],
        "next_cursor": None,
    }


async def test_pages_of_transactions_are_of_one_state(
    service: Service, connection: asyncpg.Connection, ledger: Ledger
) -> None:
    wallets = [SUSILA, RANI, OTHER]
    for n in range(20):
        ledger.save(wallets[n % 3], ["kantin", "koperasi"][n % 2], 100 + n)
        ledger.redeem(wallets[n % 3], "kantin", 50)
    await feed(connection, ledger.events)
    already = len(ledger.events)
    whole = await service.get(KANTIN, limit="200")

    pages: list[Json] = []
    query = {"limit": "7"}
    while True:
        page = await service.get(KANTIN, **query)
        pages += page["items"]
        ledger.save(SUSILA, "kantin", 1)  # comes between two pages, and is in none of them
        await feed(connection, ledger.events[already:])
        already = len(ledger.events)
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]

    assert pages == whole["items"]
    assert len(pages) == 30
    running = 0
    for item in pages:
        running += item["redeemed"] - item["saved"]
        assert item["position"] == running


async def test_a_period_of_transactions_begins_with_the_position_before_it(
    service: Service, connection: asyncpg.Connection, filled: Ledger
) -> None:
    already = len(filled.events)
    filled.now = filled.now.replace(day=23)
    filled.save(SUSILA, "kantin", 30)
    await feed(connection, filled.events[already:])

    second = await service.get(KANTIN, **{"from": "2026-11-23"})
    first = await service.get(KANTIN, to="2026-11-22")

    assert [item["position"] for item in second["items"]] == [170]
    assert [item["position"] for item in first["items"]] == [-400, 200]


async def test_a_cursor_continues_its_own_list_alone(service: Service, filled: Ledger) -> None:
    page = await service.get(KANTIN, limit="1")
    cursor = {"cursor": page["next_cursor"]}

    refused = await service.refused("/api/v1/stores/koperasi/transactions", cursor)

    assert filled.events
    assert refused == Refusal(422, "invalid-request", ["cursor"])

"""The three reports: what they say, as JSON and as CSV."""

import csv
import io

import asyncpg

from settlement.testing.feeding import feed
from settlement.testing.ledger import SUSILA, Ledger
from settlement.testing.service import Json, Service

DAY = {"from": "2026-11-22", "to": "2026-11-22"}
MEMBER = "/api/v1/reports/member-transactions"
RECEIVABLES = "/api/v1/reports/receivables"
LIABILITIES = "/api/v1/reports/liabilities"


async def test_a_members_report_is_a_statement(service: Service, filled: Ledger) -> None:
    answer = await service.get(MEMBER, member_id=SUSILA, **DAY)

    assert answer == {
        **DAY,
        "as_of": "2026-11-22T02:00:06.000000Z",
        "ledger_position": str(filled.place),
        "opening": 0,
        "rows": [
            row("2026-11-22T02:00:03.000000Z", "koperasi", "change", 300, 0, 300),
            row("2026-11-22T02:00:04.000000Z", "kantin", "change", 400, 0, 700),
            row("2026-11-22T02:00:05.000000Z", "kantin", "redemption", 0, 600, 100),
        ],
        "totals": {"saved": 700, "paid": 600},
        "closing": 100,
    }


def row(at: str, store_id: str, kind: str, saved: int, paid: int, balance: int) -> Json:
    amounts = {"saved": saved, "paid": paid, "balance": balance}
    return {"at": at, "store_id": store_id, "kind": kind, **amounts}


async def test_days_begin_in_the_configured_zone_and_both_are_inclusive(
    service: Service, connection: asyncpg.Connection, ledger: Ledger
) -> None:
    # Makassar is UTC+8: 15:59:58 UTC and the second after are the 22nd, the two that follow not
    ledger.now = ledger.now.replace(hour=15, minute=59, second=58)
    for amount in (1, 2, 3, 4):
        ledger.save(SUSILA, "kantin", amount)
    await feed(connection, ledger.events)

    both = await service.get(MEMBER, member_id=SUSILA, **DAY)
    next_day = {"from": "2026-11-23", "to": "2026-11-23"}
    after = await service.get(MEMBER, member_id=SUSILA, **next_day)

    assert [r["saved"] for r in both["rows"]] == [1, 2]
    assert (both["opening"], both["closing"]) == (0, 3)
    assert [r["saved"] for r in after["rows"]] == [3, 4]
    assert (after["opening"], after["closing"]) == (3, 10)


async def test_receivables_and_liabilities_are_two_sides_of_one_debt(
    service: Service, filled: Ledger
) -> None:
    spent = filled.events[5]
    owed = await service.get(RECEIVABLES, store_id="kantin", **DAY)
    owing = await service.get(LIABILITIES, store_id="koperasi", **DAY)
    nothing = await service.get(RECEIVABLES, store_id="koperasi", **DAY)

    debt = {
        "at": "2026-11-22T02:00:05.000000Z",
        "debtor": "koperasi",
        "creditor": "kantin",
        "card_number": "62001000",
        "amount": 200,
        "event_id": spent.envelope.event_id,
    }
    assert owed["rows"] == owing["rows"] == [debt]
    assert owed["total"] == owing["total"] == 200
    assert (owed["store_id"], owing["store_id"]) == ("kantin", "koperasi")
    assert (nothing["rows"], nothing["total"]) == ([], 0)


async def test_csv_has_the_names_and_the_rows_and_nothing_else(
    service: Service, filled: Ledger
) -> None:
    query = {"store_id": "kantin", "format": "csv", **DAY}
    answer = await service.ask(RECEIVABLES, query)

    event_id = filled.events[5].envelope.event_id
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.content.decode() == (
        "at,debtor,creditor,card_number,amount,event_id\n"
        f"2026-11-22T02:00:05.000000Z,koperasi,kantin,62001000,200,{event_id}\n"
    )
    member = {"member_id": SUSILA, "format": "csv", **DAY}
    statement = await service.ask(MEMBER, member)
    rows = list(csv.reader(io.StringIO(statement.text)))
    assert rows[0] == ["at", "store_id", "kind", "saved", "paid", "balance"]
    assert rows[3] == ["2026-11-22T02:00:05.000000Z", "kantin", "redemption", "0", "600", "100"]
    assert len(rows) == 4

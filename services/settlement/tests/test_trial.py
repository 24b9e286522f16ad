"""The trial of 2016 (figures 10, 11 and 12 of the paper) on a real database, to the rupiah."""

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from settlement.testing.feeding import feed
from settlement.testing.ledger import SUSILA, Ledger
from settlement.testing.service import Json, Service

GOLDEN: Json = json.loads(Path(__file__).with_name("campus_2016.json").read_text(encoding="utf-8"))
STORES = {"Store1": "kantin", "Store2": "fotokopi", "Store3": "koperasi"}
DAY = {"from": "2016-10-05", "to": "2016-10-05"}


def utc(local: str) -> datetime:
    """Return a local time of the trial in UTC."""
    return datetime.fromisoformat(local).replace(tzinfo=ZoneInfo("Asia/Makassar")).astimezone(UTC)


def text(local: str) -> str:
    return utc(local).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@pytest.fixture
async def trial(connection: asyncpg.Connection) -> Ledger:
    """The nine entries of Susila, at the times of the paper; buckets are spent by rule B4."""
    ledger = Ledger(now=utc("2016-10-01T08:00:00"))
    for store in STORES.values():
        ledger.open_store(store)
    for line in GOLDEN["transactions"]:
        ledger.now, store = utc(line["at"]), STORES[line["store"]]
        if line["saved"]:
            ledger.save(SUSILA, store, line["saved"])
        else:
            ledger.redeem(SUSILA, store, line["paid"])
    await feed(connection, ledger.events)
    return ledger


async def test_the_members_report_is_figure_10(service: Service, trial: Ledger) -> None:
    report = await service.get("/api/v1/reports/member-transactions", member_id=SUSILA, **DAY)

    columns = ("at", "store_id", "saved", "paid", "balance")
    assert [tuple(row[c] for c in columns) for row in report["rows"]] == [
        (text(x["at"]), STORES[x["store"]], x["saved"], x["paid"], x["balance"])
        for x in GOLDEN["transactions"]
    ]
    assert report["totals"] == GOLDEN["totals"]
    assert (report["opening"], report["closing"]) == (0, 200)
    assert report["ledger_position"] == str(trial.place)


@pytest.mark.parametrize("side", ["receivables", "liabilities"])
@pytest.mark.parametrize("name", STORES)
async def test_the_debts_are_figures_11_and_12(
    service: Service, trial: Ledger, side: str, name: str
) -> None:
    role = "creditor" if side == "receivables" else "debtor"
    query = {"store_id": STORES[name], **DAY}
    report = await service.get(f"/api/v1/reports/{side}", **query)
    sheet = await service.ask(f"/api/v1/reports/{side}", {**query, "format": "csv"})

    expected = [
        {
            "at": text(debt["at"]),
            "debtor": STORES[debt["debtor"]],
            "creditor": STORES[debt["creditor"]],
            "card_number": "62001000",
            "amount": debt["amount"],
        }
        for debt in GOLDEN["debts"]
        if debt[role] == name
    ]
    rows = [{k: v for k, v in row.items() if k != "event_id"} for row in report["rows"]]
    assert rows == expected
    assert report["total"] == GOLDEN[side][name]
    known = {event.envelope.event_id for event in trial.events}
    assert {row["event_id"] for row in report["rows"]} <= known
    lines = list(csv.DictReader(io.StringIO(sheet.text)))
    assert lines == [{k: str(v) for k, v in row.items()} for row in report["rows"]]


async def test_the_positions_are_the_trials(service: Service, trial: Ledger) -> None:
    answer = await service.get("/api/v1/settlement/positions")

    items = {item["store_id"]: item for item in answer["items"]}
    assert answer["ledger_position"] == str(trial.place)
    for name, store_id in STORES.items():
        item = items[store_id]
        assert item["liability"] == GOLDEN["liabilities"][name]
        assert item["receivable"] == GOLDEN["receivables"][name]
        assert item["issued"] == GOLDEN["final_buckets"][name]
        assert item["net"] == item["receivable"] - item["liability"]
        assert item["position"] == item["net"] - item["issued"]
    assert sum(item["net"] for item in items.values()) == 0

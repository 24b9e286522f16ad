"""The trial of 2016 in the reports: figures 10 to 12 as JSON and CSV, and the positions."""

import csv
import io
from collections.abc import Iterable
from typing import Any

import pytest

from kembalian.demo.campus import golden
from kembalian.testing.house import RunningHouse
from kembalian.testing.people import Campus, Person, new_campus, staff
from kembalian.testing.trial import PlayedTrial, play

FIGURES = golden()
PERIOD = {"from_": "2026-01-01", "to": "2100-12-31"}
MEMBER_ROW = ("at", "store_id", "kind", "saved", "paid", "balance")
DEBT_ROW = ("at", "debtor", "creditor", "card_number", "amount", "event_id")
SIDES = [("receivables", "creditor"), ("liabilities", "debtor")]


@pytest.fixture(scope="module")
def trial(house: RunningHouse) -> PlayedTrial:
    return play(new_campus(house))


@pytest.fixture(scope="module")
def finance(house: RunningHouse) -> Person:
    return staff(house, "finance")


def sheet(names: Iterable[str], rows: Iterable[dict[str, Any]]) -> bytes:
    """Return the CSV that the API promises for these rows."""
    names = tuple(names)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([names, *([row[name] for name in names] for row in rows)])
    return text.getvalue().encode()


def test_the_member_s_report_is_figure_10(trial: PlayedTrial, finance: Person) -> None:
    query = {"member_id": trial.campus.member_id, "at_least": trial.ledger_position, **PERIOD}

    report = finance.get("/reports/member-transactions", **query).json()

    rows = [{name: entry[name] for name in MEMBER_ROW} for entry in trial.entries]
    assert report["rows"] == rows
    assert report["totals"] == FIGURES["totals"] == {"saved": 2250, "paid": 2050}
    assert (report["opening"], report["closing"]) == (0, 200)
    assert (report["from"], report["to"]) == (PERIOD["from_"], PERIOD["to"])
    printed = finance.get("/reports/member-transactions", format="csv", **query)
    assert printed.headers["content-type"] == "text/csv; charset=utf-8"
    assert printed.content.startswith(b"at,store_id,kind,saved,paid,balance\n")
    assert printed.content == sheet(MEMBER_ROW, rows)


@pytest.mark.parametrize(("report", "side"), SIDES)
def test_debts_are_those_of_figures_11_and_12(
    trial: PlayedTrial, finance: Person, report: str, side: str
) -> None:
    totals = FIGURES[report]
    for name, store_id in trial.store_ids.items():
        query = {"store_id": store_id, "at_least": trial.ledger_position, **PERIOD}

        shown = finance.get(f"/reports/{report}", **query).json()

        rows = [debt for debt in trial.debts() if debt[side] == store_id]
        assert shown["rows"] == rows
        assert (shown["store_id"], shown["total"]) == (store_id, totals[name])
        printed = finance.get(f"/reports/{report}", format="csv", **query).content
        assert printed.startswith(b"at,debtor,creditor,card_number,amount,event_id\n")
        assert printed == sheet(DEBT_ROW, rows)


def test_the_cashier_reads_the_same_reports_of_his_store(trial: PlayedTrial) -> None:
    for name, store_id in trial.store_ids.items():
        till = trial.campus.tills[store_id]
        query = {"store_id": store_id, "at_least": trial.ledger_position, **PERIOD}

        totals = {side: till.get(f"/reports/{side}", **query).json()["total"] for side, _ in SIDES}

        assert totals == {side: FIGURES[side][name] for side, _ in SIDES}


def test_positions_are_what_is_owed_to_and_by_each_store(
    trial: PlayedTrial, finance: Person
) -> None:
    items = finance.get("/settlement/positions", at_least=trial.ledger_position).json()["items"]

    names = ("receivable", "liability", "net", "issued", "position", "deposit")
    standing = {item["store_id"]: tuple(item[name] for name in names) for item in items}
    one, two, three = trial.campus.stores
    assert standing[one] == (550, 50, 500, 200, 300, 0)
    assert standing[two] == (900, 0, 900, 0, 900, 0)
    assert standing[three] == (0, 1400, -1400, 0, -1400, 0)
    assert "platform" in standing
    assert sum(net for _, _, net, *_ in standing.values()) == 0
    assert [item["store_id"] for item in items] == sorted(standing)


def test_a_member_sees_his_own_report_as_finance_sees_it(
    trial: PlayedTrial, finance: Person
) -> None:
    query = {"at_least": trial.ledger_position, "format": "csv", **PERIOD}

    own = trial.campus.member.get("/reports/member-transactions", member_id="me", **query)

    theirs = finance.get("/reports/member-transactions", member_id=trial.campus.member_id, **query)
    assert own.content == theirs.content
    assert own.content.count(b"\n") == 10


def test_a_period_cuts_the_rows_and_carries_the_balance(
    trial: PlayedTrial, finance: Person
) -> None:
    query = {"member_id": trial.campus.member_id, "at_least": trial.ledger_position}

    before = finance.get(
        "/reports/member-transactions", **query, from_="2016-01-01", to="2016-12-31"
    ).json()
    after = finance.get(
        "/reports/member-transactions", **query, from_="2100-01-01", to="2100-01-01"
    ).json()

    for report, carried in ((before, 0), (after, 200)):
        assert report["rows"] == []
        assert (report["opening"], report["closing"]) == (carried, carried)
        assert report["totals"] == {"saved": 0, "paid": 0}


def test_the_card_of_an_unused_store_owes_nothing(campus: Campus, finance: Person) -> None:
    query = {"store_id": campus.stores[0], "format": "csv", **PERIOD}

    printed = finance.get("/reports/receivables", **query)

    assert printed.content == b"at,debtor,creditor,card_number,amount,event_id\n"

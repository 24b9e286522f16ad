"""Reading one's own writes and the past: `at_least`, `as_of`, `position`."""

import time
from datetime import datetime, timedelta
from typing import Any

import pytest

from kembalian.testing.house import API, RunningHouse
from kembalian.testing.people import Campus, Person, made, new_campus, staff
from web.periods import timestamp

PERIOD = {"from_": "2026-01-01", "to": "2100-12-31"}
AT_REST_SECONDS = 2.0
SHOWN_SECONDS = 30.0
TIMES = 5


@pytest.fixture(scope="module")
def campus(house: RunningHouse) -> Campus:
    """Stores of this file: a member saves 100, 200 and 300 and spends 250 at the second one."""
    campus = new_campus(house)
    card = {"card_number": campus.card_number}
    for store_id, amount in zip(campus.stores, (100, 200, 300), strict=True):
        made(campus.tills[store_id].post("/pos/topups", {**card, "amount": amount}))
    made(campus.tills[campus.stores[1]].post("/pos/redemptions", {**card, "amount": 250}))
    return campus


@pytest.fixture(scope="module")
def finance(house: RunningHouse) -> Person:
    return staff(house, "finance")


def entries(campus: Campus) -> list[dict[str, Any]]:
    return campus.member.get("/wallets/me/transactions").json()["items"]


def test_a_report_shows_an_entry_when_it_is_asked_for_with_its_place(
    shopper: Campus, finance: Person
) -> None:
    till = shopper.tills[shopper.stores[0]]
    for n in range(1, 11):
        topup = {"card_number": shopper.card_number, "amount": n}
        place = made(till.post("/pos/topups", topup))["ledger_position"]

        report = finance.get(
            "/reports/member-transactions",
            member_id=shopper.member_id,
            at_least=place,
            **PERIOD,
        ).json()

        assert [row["saved"] for row in report["rows"]] == list(range(1, n + 1))


def test_at_rest_a_report_shows_an_entry_within_two_seconds(
    shopper: Campus, finance: Person
) -> None:
    took = [until_shown(shopper, finance, entries) for entries in range(1, TIMES + 1)]

    assert min(took) < AT_REST_SECONDS, took  # of many: beside other tests nothing is at rest


def until_shown(shopper: Campus, finance: Person, entries: int) -> float:
    """Top up once more, and return after how many seconds the report shows so many entries."""
    topup = {"card_number": shopper.card_number, "amount": 700}
    made(shopper.tills[shopper.stores[0]].post("/pos/topups", topup))
    answered = time.monotonic()
    query = {"member_id": shopper.member_id, **PERIOD}
    while len(finance.get("/reports/member-transactions", **query).json()["rows"]) < entries:
        assert time.monotonic() - answered < SHOWN_SECONDS
        time.sleep(0.05)
    return time.monotonic() - answered


def test_a_place_that_nobody_has_reached_is_unavailable(finance: Person) -> None:
    asked = time.monotonic()

    answer = finance.send("GET", f"{API}/settlement/positions?at_least=0-999999999")

    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable")
    assert "Retry-After" in answer.headers
    assert 1.5 < time.monotonic() - asked < 20


def test_a_report_at_a_position_stays_the_same_to_the_byte(campus: Campus, finance: Person) -> None:
    last = campus.member.get("/wallets/me").json()["ledger_position"]
    store = {"store_id": campus.stores[1], **PERIOD}
    reads: list[tuple[str, dict[str, str]]] = [
        ("/reports/receivables", store),
        ("/reports/liabilities", {"store_id": campus.stores[2], **PERIOD}),
        ("/reports/member-transactions", {"member_id": campus.member_id, **PERIOD}),
        ("/settlement/positions", {}),
    ]
    newest = finance.get("/settlement/positions", at_least=last).json()["ledger_position"]
    assert finance.get("/reports/receivables", position=newest, **store).json()["total"] == 50

    def printed() -> list[bytes]:
        return [
            finance.get(path, position=newest, **query, format=shape).content
            for path, query in reads
            for shape in ("json", "csv")
        ]

    before = printed()
    card = {"card_number": campus.card_number, "amount": 10}
    till = campus.tills[campus.stores[1]]
    made(till.post("/pos/topups", card))
    later = made(till.post("/pos/redemptions", {**card, "amount": 20}))["ledger_position"]
    finance.get("/settlement/positions", at_least=later).raise_for_status()

    assert printed() == before
    now = finance.get("/reports/receivables", at_least=later, **store).json()
    assert now["total"] == 60
    assert f'"ledger_position":"{newest}"'.encode() in before[0]


def test_a_wallet_is_read_as_of_any_moment_inclusive(campus: Campus) -> None:
    for version, entry in enumerate(entries(campus), start=1):
        as_of = campus.member.get("/wallets/me", as_of=entry["at"]).json()

        assert (as_of["version"], as_of["balance"]) == (version, entry["balance"])
        assert as_of["as_of"] == entry["at"]
        position = as_of["ledger_position"]
        at = campus.member.get("/wallets/me", position=position).json()
        assert at["buckets"] == as_of["buckets"]
        assert sum(bucket["balance"] for bucket in at["buckets"]) == entry["balance"]


def test_reports_as_of_a_moment_hold_what_was_there(campus: Campus, finance: Person) -> None:
    spent = next(entry for entry in entries(campus) if entry["kind"] == "redemption")
    micro = timestamp(datetime.fromisoformat(spent["at"]) - timedelta(microseconds=1))
    query = {"store_id": campus.stores[1], **PERIOD}

    at, before = (
        finance.get("/reports/receivables", as_of=moment, **query).json()
        for moment in (spent["at"], micro)
    )

    assert (at["total"], before["total"]) == (50, 0)
    assert (at["as_of"], before["as_of"]) == (spent["at"], micro)
    again = finance.get("/reports/receivables", as_of=micro, **query).json()
    assert again == before
    standing = finance.get("/settlement/positions", as_of=spent["at"]).json()
    nets = {item["store_id"]: item["position"] for item in standing["items"]}
    assert [nets[store_id] for store_id in campus.stores] == [-100, 50, -300]


def test_before_everything_there_was_nothing(campus: Campus, finance: Person) -> None:
    long_ago = "2001-01-01T00:00:00Z"

    wallet = campus.member.get("/wallets/me", as_of=long_ago).json()
    standing = finance.get("/settlement/positions", as_of=long_ago).json()

    assert (wallet["balance"], wallet["buckets"], wallet["version"]) == (0, [], 0)
    assert all(item["position"] == 0 for item in standing["items"])
    assert standing["as_of"] == "2001-01-01T00:00:00.000000Z"

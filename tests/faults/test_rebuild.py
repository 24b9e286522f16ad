"""Views that were emptied or dropped are rebuilt from the logs: the same to the byte."""

import asyncio
import json
from collections.abc import Callable

import psycopg
import pytest

from kembalian.operators.house import HOUSE
from kembalian.operators.live import LiveRun
from kembalian.operators.rebuild import run_rebuild
from kembalian.testing.commands import kembalian
from kembalian.testing.faults import check_all
from kembalian.testing.house import RunningHouse
from kembalian.testing.load import Load, load

VIEWS = {
    "identity": ("member", "staff"),
    "catalog": ("store",),
    "wallet-ledger": ("wallet", "member", "store"),
    "settlement": ("entry", "obligation", "movement", "total", "store"),
}

Damage = Callable[[str], str]
"""Service -> the SQL that loses its views."""


def emptied(service: str) -> str:
    return "TRUNCATE " + ", ".join(f"view.{name}" for name in VIEWS[service])


def one_dropped(service: str) -> str:
    return f"DROP TABLE view.{VIEWS[service][0]} CASCADE"


def all_dropped(_: str) -> str:
    return "DROP SCHEMA view CASCADE"


def digest(live: LiveRun, service: str) -> tuple[str, int]:
    """Return (SHA-256, rows) of all views."""
    sha256, rows = asyncio.run(HOUSE[service].digest(live.postgres_admin[service]))
    return sha256, rows


def lose(live: LiveRun, service: str, damage: Damage) -> None:
    """Do the damage, again if a writer is in its way: of two in a deadlock one must begin anew."""
    for last in (*[False] * 9, True):
        try:
            with psycopg.connect(live.postgres_admin[service]) as connection:
                connection.execute(damage(service).encode())
                return
        except psycopg.errors.DeadlockDetected:
            if last:
                raise


def reports(busy: Load) -> dict[str, bytes]:
    """Return the bytes of every report, as of now: at one position, as JSON and CSV."""
    first, *_ = busy.campus.stores
    period = {"from": "2016-01-01", "to": "2036-01-01"}
    member = {"member_id": busy.wallets[0].member_id}
    made: dict[str, bytes] = {}
    for kind, of in (
        ("member-transactions", member),
        ("receivables", {"store_id": first}),
        ("liabilities", {"store_id": first}),
    ):
        position = busy.admin.get(f"/reports/{kind}", **of, **period).json()["ledger_position"]
        for form in ("json", "csv"):
            query = {**of, **period, "position": position, "format": form}
            answer = busy.admin.get(f"/reports/{kind}", **query)
            assert answer.status_code == 200, answer.text
            made[f"{kind}.{form}"] = answer.content
    return made


@pytest.mark.parametrize("damage", [emptied, one_dropped, all_dropped])
@pytest.mark.parametrize("service", HOUSE)
def test_a_rebuilt_view_is_the_same_to_the_byte(
    faulty_house: RunningHouse, busy: Load, service: str, damage: Damage
) -> None:
    live = faulty_house.live()
    before, said = digest(live, service), reports(busy)
    assert before[1] > 0

    lose(live, service, damage)
    result = asyncio.run(run_rebuild(live, service, lambda _done, _total: None))

    assert (result["after"], result["rows"]) == before
    assert digest(live, service) == before
    assert reports(busy) == said
    assert faulty_house.is_ready()


def test_the_command_compares_before_and_after_and_asks_first(
    faulty_house: RunningHouse, busy: Load
) -> None:
    live = faulty_house.live()
    before = digest(live, "settlement")

    unasked = kembalian(faulty_house.home, "rebuild", "settlement")
    rebuilt = kembalian(faulty_house.home, "rebuild", "settlement", "--yes")
    as_json = kembalian(faulty_house.home, "rebuild", "catalog", "--yes", "--json")
    unknown = kembalian(faulty_house.home, "rebuild", "gateway", "--yes")

    assert (unasked.returncode, unasked.stdout) == (2, "")
    assert "Say --yes" in unasked.stderr
    assert rebuilt.returncode == 0, rebuilt.stderr
    assert rebuilt.stdout.count(before[0]) == 2
    assert "The views are the same to the byte." in rebuilt.stdout
    catalog = json.loads(as_json.stdout)
    assert catalog["service"] == "catalog"
    assert catalog["before"] == catalog["after"] == digest(live, "catalog")[0]
    assert unknown.returncode == 2
    assert "there is no service gateway" in unknown.stderr


@pytest.mark.timeout(420)
def test_a_rebuild_under_load_loses_nothing(faulty_house: RunningHouse) -> None:
    live = faulty_house.live()
    with load(faulty_house, seed=5) as busy:
        for service in HOUSE:
            lose(live, service, all_dropped)
            asyncio.run(run_rebuild(live, service, lambda _done, _total: None))

    check_all(faulty_house, busy)

"""`replay`, `position`, `what-if` and `export` on a live house, with planted faults."""

import json
from pathlib import Path
from typing import Any

import pytest

from kembalian.operators.live import LiveRun
from kembalian.operators.replay import REPLAYED, run_replay
from kembalian.testing.commands import kembalian
from kembalian.testing.copies import spoilt
from kembalian.testing.house import RunningHouse
from kembalian.testing.load import Load, load
from wallet_ledger.orders_of_spending import ORDERS

# What spoils one row of a live view, and what the replay then names: (view, live, replayed) there?
SPOILT = {
    "wallet-ledger": [
        (
            (
                "UPDATE view.wallet SET balances[1] = balances[1] + 1 WHERE wallet_id ="
                " (SELECT wallet_id FROM view.bucket LIMIT 1)"
            ),
            ("wallet", True, True),
        ),
        (
            "DELETE FROM view.wallet WHERE ctid = (SELECT ctid FROM view.wallet LIMIT 1)",
            ("wallet", False, True),
        ),
        (
            "INSERT INTO view.payment VALUES (0, 'w', 'p', 'o', 'released', now(), '[]', '[]')",
            ("payment", True, False),
        ),
    ],
    "settlement": [
        (
            (
                "UPDATE view.entry SET balance = balance + 1 WHERE ctid ="
                " (SELECT ctid FROM view.entry LIMIT 1)"
            ),
            ("entry", True, True),
        ),
        (
            "DELETE FROM view.obligation WHERE ctid = (SELECT ctid FROM view.obligation LIMIT 1)",
            ("obligation", False, True),
        ),
        (
            (
                "UPDATE view.total SET issued = issued - 1 WHERE ctid ="
                " (SELECT ctid FROM view.total LIMIT 1)"
            ),
            ("total", True, True),
        ),
    ],
}


def asked(house: RunningHouse, *words: str) -> dict[str, Any]:
    """Return what a command says with --json; it must have ended with 0."""
    done = kembalian(house.home, *words, "--json")
    assert done.returncode == 0, (done.stdout, done.stderr)
    return json.loads(done.stdout)


@pytest.mark.parametrize("source", ["postgres", "kafka"])
@pytest.mark.parametrize("service", REPLAYED)
def test_the_live_views_are_as_their_events_say_while_clients_write(
    faulty_house: RunningHouse, busy: Load, service: str, source: str
) -> None:
    with load(faulty_house, seed=11) as writing:
        shown = asked(faulty_house, "replay", service, "--from", source)

    assert (shown["same"], shown["first"]) == (True, [])
    assert shown["events"] >= len(busy.acknowledged())
    assert writing.operations


@pytest.mark.parametrize(
    ("service", "damage", "expected"),
    [(service, *case) for service, cases in SPOILT.items() for case in cases],
)
async def test_a_row_that_differs_is_named(
    originals: LiveRun, service: str, damage: str, expected: tuple[str, bool, bool]
) -> None:
    async with spoilt(originals, service) as (run, connection):
        await connection.execute(damage)
        outcome = await run_replay(run, service, "postgres", lambda _: lambda _d, _t: None)

    [row] = outcome.first
    assert outcome.different == 1
    assert (row.view, row.live is not None, row.replayed is not None) == expected


def test_positions_are_the_same_from_views_and_from_the_log(
    faulty_house: RunningHouse, busy: Load
) -> None:
    views = asked(faulty_house, "position")
    place = views["ledger_position"]
    folded = asked(faulty_house, "position", "--from", "log", "--position", place)
    one = asked(faulty_house, "position", views["positions"][0]["store_id"])
    now = busy.admin.get("/settlement/positions", position=place).json()
    text = kembalian(faulty_house.home, "position")

    assert folded["positions"] == views["positions"]
    assert one["positions"] == views["positions"][:1]
    assert sum(line["net"] for line in views["positions"]) == 0
    assert {s["store_id"]: s["position"] for s in now["items"]}.items() >= {
        line["store_id"]: line["position"] for line in views["positions"]
    }.items()
    assert "from settlement's views" in " ".join(text.stdout.split())


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--as-of", "2999-01-01T00:00:00Z"], "as_of must not lie in the future"),
        (["--position", "here"], "position is not a ledger position"),
        (["--position", "0-1"], "must name every partition"),
    ],
)
def test_a_position_of_no_moment_is_refused(
    faulty_house: RunningHouse, options: list[str], reason: str
) -> None:
    done = kembalian(faulty_house.home, "position", *options)

    assert (done.returncode, done.stdout) == (2, "")
    assert reason in done.stderr


def test_what_if_shows_debts_under_both_orders(faulty_house: RunningHouse, busy: Load) -> None:
    position = {p["store_id"]: p["net"] for p in asked(faulty_house, "position")["positions"]}
    found = {order: asked(faulty_house, "what-if", "--order", order) for order in ORDERS}
    wrong = kembalian(faulty_house.home, "what-if", "--order", "none")

    for shown in found.values():
        assert {n["store_id"]: n["today"] for n in shown["nets"]}.items() <= position.items()
        assert sum(net["then"] for net in shown["nets"]) == 0
    assert all(not debt["difference"] for debt in found["own-then-largest"]["debts"])
    assert any(debt["difference"] for debt in found["proportional"]["debts"])
    assert wrong.returncode == 2
    assert "there is no order none" in wrong.stderr


def test_an_export_proves_itself_and_is_not_written_over(
    faulty_house: RunningHouse, busy: Load, tmp_path: Path
) -> None:
    path = tmp_path / "ledger.ndjson.gz"

    exported = asked(faulty_house, "export", str(path))
    proven = asked(faulty_house, "import", str(path), "--check")
    again = kembalian(faulty_house.home, "export", str(path))
    into_itself = kembalian(faulty_house.home, "import", str(path), "--yes")

    assert exported == proven
    assert exported["events"] >= len(busy.acknowledged())
    assert (again.returncode, into_itself.returncode) == (2, 2)
    assert "is there already" in again.stderr
    assert "a ledger is there already" in into_itself.stderr

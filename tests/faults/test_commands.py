"""The operators' commands on a live house: what they say, and with which exit code."""

import asyncio
import json
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import pytest

from kembalian.grounds.ports import free_port
from kembalian.operators.live import LiveRun
from kembalian.testing.commands import kembalian
from kembalian.testing.copies import spoilt
from kembalian.testing.house import RunningHouse
from kembalian.testing.load import Load, load
from kembalian.testing.recount import statement

COMMANDS = [
    "run",
    "version",
    "status",
    "verify",
    "rebuild",
    "balance",
    "position",
    "replay",
    "what-if",
    "export",
    "import",
    "dead-letters",
    "dead-letters list",
    "dead-letters show",
    "dead-letters retry",
    "dead-letters discard",
]


CAUGHT_UP_SECONDS_MAX = 60.0


def status_at_rest(home: Path) -> dict[str, Any]:
    """Return what `status --json` says when all that was done has arrived everywhere."""
    deadline = time.monotonic() + CAUGHT_UP_SECONDS_MAX
    while True:
        shown = json.loads(kembalian(home, "status", "--json").stdout)
        lines = shown["logs"] + shown["consumers"]
        # a checkpoint that is signed between the two looks is on the topic, not in the log as seen
        if all(line["lag"] == 0 and line.get("log") == line.get("published") for line in lines):
            return shown
        assert time.monotonic() < deadline, shown


def write_run(home: Path, run: LiveRun) -> None:
    """Have a home whose run.json names other databases or another broker."""
    content: dict[str, Any] = {
        "gateway": run.gateway,
        "kafka": run.kafka,
        "kafka_ground": run.kafka_ground,
        "urls": run.urls,
        "postgres": {"admin": run.postgres_admin, **run.postgres},
        "pids": run.pids,
    }
    home.mkdir(exist_ok=True)
    (home / "run.json").write_text(json.dumps(content))


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_explains_itself(words: str, tmp_path: Path) -> None:
    done = kembalian(tmp_path, *words.split(), "--help")

    assert (done.returncode, done.stderr) == (0, "")
    assert "Usage: kembalian" in done.stdout


@pytest.mark.parametrize(
    "words",
    [
        "status",
        "verify",
        "rebuild catalog --yes",
        "balance x",
        "position",
        "replay settlement",
        "what-if --order proportional",
        "export ledger.ndjson",
        "import ledger.ndjson --yes",
    ],
)
def test_a_home_where_nothing_runs_is_named(words: str, tmp_path: Path) -> None:
    done = kembalian(tmp_path, *words.split())

    assert (done.returncode, done.stdout) == (2, "")
    assert f"nothing runs in {tmp_path}" in done.stderr


def test_status_shows_places_lag_and_letters(faulty_house: RunningHouse, busy: Load) -> None:
    shown = status_at_rest(faulty_house.home)
    text = kembalian(faulty_house.home, "status")

    logs = {line["service"]: line for line in shown["logs"]}
    assert list(logs) == ["identity", "catalog", "wallet-ledger", "settlement"]
    assert {line["state"] for line in shown["consumers"]} == {"running"}
    assert len(shown["consumers"]) == 2 + 9
    assert [line["dead"] + line["parked"] for line in shown["letters"]] == [0, 0, 0, 0]
    assert text.returncode == 0
    assert logs["wallet-ledger"]["log"] in text.stdout
    assert "No dead letters." in text.stdout


def alone_in_time(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the entries that no other one shares its moment with: those of one commit do."""
    moments = [entry["at"] for entry in entries]
    return [entry for entry in entries if moments.count(entry["at"]) == 1]


def test_balance_folds_the_log_at_any_moment(faulty_house: RunningHouse, busy: Load) -> None:
    statements = ((wallet, statement(busy.admin, wallet)) for wallet in busy.wallets)
    wallet, entry = next((w, e) for w, entries in statements for e in alone_in_time(entries)[1:-1])
    path = f"/wallets/{wallet.member_id}"

    def balance(*options: str) -> dict[str, Any]:
        words = ("balance", wallet.member_id, "--json", *options)
        return json.loads(kembalian(faulty_house.home, *words).stdout)

    now, then = balance(), balance("--as-of", entry["at"])
    there = balance("--position", then["ledger_position"])
    text = kembalian(faulty_house.home, "balance", wallet.member_id)

    assert now == busy.admin.get(path).json()
    assert then == busy.admin.get(path, as_of=entry["at"]).json()
    assert then["balance"] == there["balance"] == entry["balance"]
    assert there["buckets"] == then["buckets"]
    assert f"{now['balance']} rupiah at {now['as_of']}" in text.stdout


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--as-of", "yesterday"], "as_of"),
        (["--as-of", "2999-01-01T00:00:00Z"], "as_of must not lie in the future"),
        (["--position", "here"], "--position is not a ledger position"),
        (["--position", "0-999999999"], "position"),
    ],
)
def test_a_moment_that_is_none_is_refused(
    faulty_house: RunningHouse, busy: Load, options: list[str], reason: str
) -> None:
    done = kembalian(faulty_house.home, "balance", busy.wallets[1].member_id, *options)

    assert (done.returncode, done.stdout) == (2, "")
    assert reason in done.stderr


def test_a_wallet_without_events_is_said_to_be_one(faulty_house: RunningHouse) -> None:
    nobody = "01990000-0000-7000-8000-000000000000"
    done = kembalian(faulty_house.home, "balance", nobody)

    assert done.returncode == 0
    assert f"No event of the wallet {nobody}" in done.stdout


@pytest.mark.parametrize("source", ["views", "log"])
async def test_a_store_that_nobody_knows_has_no_position_and_a_new_one_has_zeros(
    originals: LiveRun, tmp_path: Path, source: str
) -> None:
    async with spoilt(originals, "catalog") as (run, connection):
        await connection.execute(
            "INSERT INTO view.store SELECT 'brand-new', name, address, kind, state, partition,"
            " position, recorded_at FROM view.store LIMIT 1"
        )
        write_run(tmp_path, run)

        def asked(store_id: str) -> subprocess.CompletedProcess[str]:
            return kembalian(tmp_path, "position", store_id, "--from", source, "--json")

        mistyped = await asyncio.to_thread(asked, "no-such-store")
        new = await asyncio.to_thread(asked, "brand-new")

    assert (mistyped.returncode, mistyped.stdout) == (2, "")
    assert "there is no store no-such-store" in mistyped.stderr
    [line] = json.loads(new.stdout)["positions"]
    assert (line.pop("store_id"), set(line.values())) == ("brand-new", {0})


@pytest.mark.parametrize(
    "words", ["status", "verify", "balance x", "position", "position --from log"]
)
def test_what_only_reads_says_after_ctrl_c_that_nothing_was_changed(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted() -> LiveRun:
        raise KeyboardInterrupt

    module = resolve_name(f"kembalian.operators.{words.split(maxsplit=1)[0]}")
    monkeypatch.setattr(module, "read_run", interrupted)

    done = kembalian(tmp_path, *words.split())

    assert (done.returncode, done.stdout) == (2, "")
    assert "interrupted: nothing was changed" in done.stderr


async def test_findings_end_with_1_and_are_typed(originals: LiveRun, tmp_path: Path) -> None:
    async with spoilt(originals, "catalog") as (run, connection):
        await connection.execute("UPDATE view.store SET name = 'Other' WHERE store_id = 'kantin'")
        write_run(tmp_path, run)
        as_json = await asyncio.to_thread(kembalian, tmp_path, "verify", "--json")
        text = await asyncio.to_thread(kembalian, tmp_path, "verify")

    assert (as_json.returncode, text.returncode) == (1, 1)
    shown = json.loads(as_json.stdout)
    assert shown.keys() == {"clean", "events", "lag", "findings", "more"}
    assert (shown["clean"], shown["lag"]) == (False, {})
    [finding] = shown["findings"]
    assert (finding["invariant"], finding["service"], finding["partition"]) == (7, "catalog", 0)
    assert finding["stream"] == "kantin"
    assert finding["position"] > 0
    assert finding["detail"] in " ".join(text.stdout.split())


@pytest.mark.parametrize("away", ["postgres", "broker"])
async def test_what_cannot_be_checked_ends_with_2(
    originals: LiveRun, tmp_path: Path, away: str
) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    run = replace(originals, kafka=nowhere)
    if away == "postgres":
        dsns = dict.fromkeys(originals.postgres, f"postgresql://x:x@{nowhere}/x")
        run = replace(originals, postgres=dsns)
    write_run(tmp_path, run)

    done = await asyncio.to_thread(kembalian, tmp_path, "verify", "--json")

    assert (done.returncode, done.stdout) == (2, "")
    assert "kembalian: could not check" in done.stderr


async def test_views_that_are_being_refilled_are_no_findings(
    originals: LiveRun, tmp_path: Path
) -> None:
    async with spoilt(originals, "wallet-ledger") as (run, connection):
        await connection.execute("DELETE FROM view.whole WHERE partition = 3")
        write_run(tmp_path, run)
        done = await asyncio.to_thread(kembalian, tmp_path, "verify", "--json")

    assert (done.returncode, done.stdout) == (2, "")
    assert "could not check: the views of wallet-ledger are being refilled" in done.stderr


@pytest.mark.timeout(420)
def test_nothing_is_found_while_clients_write(faulty_house: RunningHouse) -> None:
    with load(faulty_house, seed=8) as busy:
        check = kembalian(faulty_house.home, "verify", "--json")
        during = len(busy.operations)
    shown = json.loads(check.stdout)

    assert (check.returncode, shown["findings"]) == (0, []), check.stdout
    assert during > 0

"""The first run of a home: ready, the trial played, the README true; then a stop and the next."""

import os
import re
import signal
import stat
import subprocess
from pathlib import Path

import pytest

from kembalian.demo.campus import golden
from kembalian.grounds.http_wire import is_well
from kembalian.testing.house import RunningHouse
from kembalian.testing.people import log_in

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)

SETTLED = """
for _ in $(seq 60); do .venv/bin/kembalian status --json | grep -q '"lag": *[1-9]' || break; done
"""
"""What a reader of the README need not do: his machine is at rest, and settlement there at once."""

VOLATILE = (
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "<id>"),
    (re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z"), "<time>"),
    (re.compile(r'"ledger_position":"[0-9]-[0-9]+"'), '"ledger_position":"<position>"'),
)


def steps() -> list[tuple[str, str]]:
    """Return (command, printed answer) of every step of the README, in order."""
    found: list[tuple[str, str]] = []
    for block in BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8")):
        for chunk in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, answer = chunk.partition("\n")
            found.append((command, answer.strip()))
    return found


def steadied(text: str) -> str:
    for pattern, name in VOLATILE:
        text = pattern.sub(name, text)
    return text.strip()


def test_ready_is_the_last_word_and_true(house: RunningHouse) -> None:
    assert house.lines[-1] == f"ready http://localhost:{house.port}"
    assert is_well(f"{house.url}/readyz")


def test_the_trial_of_2016_is_played_and_all_of_its_people_may_log_in(house: RunningHouse) -> None:
    printed = house.output().replace(" ", "")
    demo = house.demo()

    assert wallet_of_susila(house)["buckets"] == [{"issuer": "kantin", "balance": 200}]
    for step in golden()["transactions"]:
        assert f"│{step['balance']}│" in printed
    for row in (
        "│fotokopi│900│0│0│900│",
        "│kantin│550│50│200│300│",
        "│koperasi│0│1400│0│-1400│",
    ):
        assert row in printed
    assert stat.S_IMODE((house.home / "demo.json").stat().st_mode) == 0o600
    assert [store["store_id"] for store in demo["stores"]] == ["kantin", "fotokopi", "koperasi"]
    cards = [member["card_number"] for member in demo["members"]]
    assert cards == ["1000", "1001", "1003", "1004"]
    staff = [demo["admin"], demo["finance"]]
    for entry in [*demo["members"], *demo["cashiers"], *demo["operators"], *staff]:
        log_in(house, entry)


@pytest.mark.timeout(300)
def test_the_tour_of_the_readme_works_as_printed(house: RunningHouse) -> None:
    tour = steps()
    assert len(tour) > 8
    marked = "\n".join(
        f"{SETTLED if '/reports/' in command else ''}{command}\necho; echo '@@'"
        for command, _ in tour
    )

    done = subprocess.run(
        ["bash", "-u", "-c", marked.replace("localhost:8080", f"localhost:{house.port}")],
        cwd=ROOT,
        env={**os.environ, "KEMBALIAN_HOME": str(house.home)},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )

    for (command, printed), answer in zip(tour, done.stdout.split("@@\n"), strict=False):
        assert steadied(answer) == steadied(printed), f"{command}\n{done.stderr}"


def test_an_interrupt_leaves_no_process_and_the_next_run_finds_all_again(
    house: RunningHouse,
) -> None:
    demo, wallet = house.demo(), wallet_of_susila(house)
    processes = house.family()

    assert house.stop(signal.SIGINT) == 0

    assert [process for process in processes if process.is_running()] == []
    assert house.run == {}
    assert house.lines[-1] == "stopping"
    said_before = len(house.lines)
    house.start()
    assert house.demo() == demo
    assert not any("trial of 2016" in line for line in house.lines[said_before:])
    assert wallet_of_susila(house) == wallet


def wallet_of_susila(house: RunningHouse) -> dict[str, object]:
    answer = log_in(house, house.demo()["members"][0]).get("/wallets/me")
    assert answer.status_code == 200, answer.text
    return answer.json()

"""What a run can be told by its environment, and what is refused."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from kembalian.launcher.services import SERVICES, Addresses, environment, processes
from kembalian.launcher.settings import RunSettings


def test_a_run_needs_no_setting() -> None:
    settings = RunSettings()

    assert (settings.port, settings.kafka, settings.demo) == (8080, "embedded", "trial")
    assert settings.home == Path(".kembalian")
    assert settings.staff == ("admin", "finance", "auditor", "channel")


def test_a_run_heeds_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "PORT": "9000",
        "KEMBALIAN_HOME": "/srv/kembalian",
        "KEMBALIAN_KAFKA": "broker.example:9092",
        "KEMBALIAN_DEMO": "none",
    }.items():
        monkeypatch.setenv(name, value)

    settings = RunSettings()

    assert (settings.port, settings.kafka) == (9000, "broker.example:9092")
    assert settings.home == Path("/srv/kembalian")
    assert settings.staff == ("admin",)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "http"),
        ("KEMBALIAN_KAFKA", "redpanda"),
        ("KEMBALIAN_KAFKA", "broker:"),
        ("KEMBALIAN_DEMO", "all"),
        ("KEMBALIAN_LEDGER_PROCESSES", "0"),
    ],
)
def test_a_setting_that_means_nothing_is_refused(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ValidationError):
        RunSettings()


def test_processes_of_the_ledger_are_numbered_from_the_second_on() -> None:
    named = processes(3)

    assert [name for name in named if named[name].package == "wallet_ledger"] == [
        "wallet-ledger",
        "wallet-ledger-2",
        "wallet-ledger-3",
    ]
    assert list(processes(1)) == [service.name for service in SERVICES]


def test_the_gateway_is_told_of_every_process_of_the_ledger(tmp_path: Path) -> None:
    ports = {name: 8000 + n for n, name in enumerate(processes(2))}
    gateway = SERVICES[-1]

    told = environment(
        "gateway", gateway, Addresses(ports, "kafka:1", "apache"), tmp_path, None, tmp_path
    )

    urls = [f"http://127.0.0.1:{ports[name]}" for name in ("wallet-ledger", "wallet-ledger-2")]
    assert told["KEMBALIAN_GATEWAY_LEDGER_URLS"].split(",") == urls
    assert told["KEMBALIAN_WALLET_LEDGER_URL"] == urls[0]

"""What a run can be told by its environment, and what is refused."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from kembalian.launcher.settings import RunSettings


def test_a_run_needs_no_setting() -> None:
    settings = RunSettings()

    assert (settings.port, settings.kafka, settings.demo) == (8080, "embedded", "trial")
    assert settings.home == Path(".kembalian")
    assert settings.staff == ("admin", "finance", "auditor")


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
    ],
)
def test_a_setting_that_means_nothing_is_refused(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ValidationError):
        RunSettings()

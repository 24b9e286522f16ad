"""`kembalian bench` from end to end, in its smallest form."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SMALLEST = ("batch", "flow", "--quick", "--wallets", "300")
BESIDE = {
    "bulk entries": "COPY in",
    "relay to Kafka": "",
    "settlement's projection": "",
}
"""Measure -> what it is compared with."""


def no_number(text: str) -> Any:
    raise AssertionError(f"{text} is no JSON")


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_smallest_bench_measures_all_it_was_asked_for_and_leaves_only_its_json(
    tmp_path: Path,
) -> None:
    kembalian = Path(sys.executable).with_name("kembalian")
    out = tmp_path / "results" / "smallest.json"

    done = subprocess.run(
        [kembalian, "bench", *SMALLEST, "--out", out],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=220,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(out.read_text(), parse_constant=no_number)
    assert (found["failed"], found["wallets"], found["postgres"]["fsync"]) == ({}, 300, "on")
    assert {row["measure"]: row["against"] for row in found["rows"]} == BESIDE
    for row in found["rows"]:
        assert row["value"] > 0, row
        assert row["measure"] in done.stdout
        if row["against"]:
            assert row["baseline"] > 0, row
            assert 0 < row["ratio_low"] <= row["ratio"] <= row["ratio_high"], row
    assert list(tmp_path.rglob("*.json")) == [out]
    assert list((tmp_path / "bench").iterdir()) == []  # its house is gone

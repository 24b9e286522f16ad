"""Schemathesis against the house's own API document: whatever it makes up, no call answers 5xx."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from kembalian.testing.house import RunningHouse
from kembalian.testing.people import log_in

ROLES = ("admin", "cashier", "member", "channel")
EXAMPLES = 25


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("role", ROLES)
def test_nothing_that_schemathesis_sends_is_answered_by_a_5xx(
    house: RunningHouse, role: str
) -> None:
    demo = house.demo()
    login = demo[role] if role in demo else demo[f"{role}s"][0]
    token = log_in(house, login).token
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        "run",
        f"{house.url}/openapi.json",
        "--header=Authorization: Bearer " + token,
        "--checks=not_a_server_error",
        f"--max-examples={EXAMPLES}",
        "--seed=2016",
        "--no-color",
    ]

    done = subprocess.run(command, capture_output=True, text=True, timeout=800, check=False)

    assert done.returncode == 0, f"{done.stdout[-4_000:]}\n{done.stderr[-2_000:]}"
    tested = re.search(r"Tested: ([0-9]+)", done.stdout)
    assert tested is not None
    assert int(tested[1]) > 30, "every call of the document, for this role"

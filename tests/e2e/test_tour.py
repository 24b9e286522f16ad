"""The tour of the README, run as it stands: same commands, same answers but for ids and times."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from kembalian.testing.house import running_house

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)

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


@pytest.mark.timeout(300)
def test_the_tour_of_the_readme_works_as_printed(tmp_path: Path) -> None:
    tour = steps()
    assert len(tour) > 8
    marked = "\n".join(f"{command}\necho; echo '@@'" for command, _ in tour)

    with running_house(tmp_path, kafka="embedded", demo="trial") as house:
        done = subprocess.run(
            ["bash", "-u", "-c", marked.replace("localhost:8080", f"localhost:{house.port}")],
            cwd=ROOT,
            env={**os.environ, "KEMBALIAN_HOME": str(house.home)},
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )

    for (command, printed), answer in zip(tour, done.stdout.split("@@\n"), strict=False):
        assert steadied(answer) == steadied(printed), f"{command}\n{done.stderr}"

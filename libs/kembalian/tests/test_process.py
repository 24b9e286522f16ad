"""Children of the launcher, as the kernel sees them."""

import os
from pathlib import Path

from kembalian.grounds.process import spawn

AUTOGROUP = Path("/proc/self/autogroup")
SHOW = "nice; cat /proc/self/autogroup 2>/dev/null"


def said(tmp_path: Path, niceness: int) -> list[str]:
    log = tmp_path / "child.log"
    child = spawn(["sh", "-c", SHOW], environment=dict(os.environ), log_path=log, niceness=niceness)
    child.wait(10)
    return log.read_text().splitlines()


def test_who_lets_others_go_first_does_so_for_other_sessions_too(tmp_path: Path) -> None:
    mine, usual = said(tmp_path, 5), said(tmp_path / "usual", 0)

    assert int(mine[0]) == int(usual[0]) + 5
    if AUTOGROUP.exists():  # where the kernel groups by session
        assert mine[1].endswith("nice 5")
        assert usual[1].endswith("nice 0")

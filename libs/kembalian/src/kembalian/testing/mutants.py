"""Judge a mutation run: `make mutants` fails if too few mutants died, or if some never ran.

Usage: python -m kembalian.testing.mutants, in the folder in which mutmut ran.
"""

import json
import sys
from pathlib import Path

STATS = Path("mutants/mutmut-cicd-stats.json")
DEAD_AT_LEAST = 0.9


def judged(stats: dict[str, int]) -> tuple[bool, str]:
    """Return (whether it is enough, what to say). A mutant that hangs the tests is found, too."""
    total, survived = stats["total"] - stats["skipped"], stats["survived"]
    dead = stats["killed"] + stats["timeout"]
    said = (
        f"{total} mutants: {stats['killed']} killed, {stats['timeout']} timed out, "
        f"{survived} survived, {total - dead - survived} without a verdict"
    )
    if total == 0 or dead + survived != total:  # a run that ran nothing must not look like success
        return False, f"{said}: the run is not complete"
    return dead / total >= DEAD_AT_LEAST, f"{said}: {dead / total:.1%} died"


if __name__ == "__main__":
    enough, said = judged(json.loads(STATS.read_text()))
    print(said)
    sys.exit(not enough)

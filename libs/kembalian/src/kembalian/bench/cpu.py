"""CPU seconds that processes have used so far, and the memory they hold: read from /proc."""

import os
from collections.abc import Mapping
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def ticks(stat: str) -> int:
    """Return user and system time of a line of /proc/<pid>/stat, reaped children included."""
    fields = stat.rpartition(")")[2].split()
    return sum(int(value) for value in fields[11:15])


def parent(stat: str) -> int:
    """Return the parent's id of a line of /proc/<pid>/stat."""
    return int(stat.rpartition(")")[2].split()[1])


def cpu_seconds(pids: Mapping[str, int]) -> dict[str, float]:
    """Return name -> CPU seconds of each process with its children, of now and before."""
    used = dict.fromkeys(pids, 0)
    names = {pid: name for name, pid in pids.items()}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            stat = (folder / "stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        name = names.get(int(folder.name)) or names.get(parent(stat))
        if name is not None:
            used[name] += ticks(stat)
    return {name: count / TICKS_PER_SECOND for name, count in used.items()}


def memory_mib(pid: int) -> dict[str, float]:
    """Return {"rss", "pss"} of one process, MiB."""
    found: dict[str, float] = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name in {"Rss", "Pss"}:
            found[name.lower()] = round(int(rest.split()[0]) / 1024, 1)
    return found

"""What of very many findings is shown: of every service and partition the lowest places."""

from collections import Counter
from dataclasses import dataclass
from heapq import heappush, heappushpop
from itertools import count
from typing import Final

from events.finding import Finding

PER_PART_MAX: Final = 100
"""More lines of one partition would not help: what is wrong first is what is to be looked at."""

Part = tuple[str, int | None]
"""A service and a partition; None = what is of no partition."""


@dataclass(frozen=True, slots=True)
class More:
    """So many findings of a service's partition that are not shown; all lie behind those shown."""

    service: str
    partition: int | None
    findings: int


class Lowest:
    """Keeps the lowest places of each part, in whatever order they are found, and counts the rest.

    Whoever finds very much keeps one too, and passes on only what it took and, at its end, what it
    `refused`: so the first bad place of each part arrives without all the others.
    """

    def __init__(self) -> None:
        self._kept: dict[Part, list[tuple[int, int, Finding]]] = {}
        self._displaced = Counter[Part]()
        self._refused = Counter[Part]()
        self._numbers = count()

    def take(self, finding: Finding) -> bool:
        """Say whether `finding` is among the lowest so far; else it is counted."""
        part = (finding.service, finding.partition)
        kept = self._kept.setdefault(part, [])
        # The first of the heap is what gives way: the highest place, there the one found last.
        entry = (-_place(finding), -next(self._numbers), finding)
        if len(kept) < PER_PART_MAX:
            heappush(kept, entry)
            return True
        taken = heappushpop(kept, entry) is not entry
        (self._displaced if taken else self._refused)[part] += 1
        return taken

    def take_refused(self, more: More) -> None:
        """Count what another one refused."""
        self._refused[more.service, more.partition] += more.findings

    def refused(self) -> list[More]:
        """Return how many findings of each part were not taken."""
        return _counted(self._refused)

    def more(self) -> list[More]:
        """Return how many findings of each part are not among those kept."""
        return _counted(self._displaced + self._refused)

    def findings(self) -> list[Finding]:
        """Return what was kept; of each part in the order of its places."""
        return [finding for kept in self._kept.values() for *_, finding in sorted(kept)[::-1]]


def _place(finding: Finding) -> int:
    return -1 if finding.position is None else finding.position


def _counted(counts: Counter[Part]) -> list[More]:
    return [More(*part, number) for part, number in counts.items()]

"""Is a view the fold of its log? Rows that are due, compared with the rows that are there."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from events.finding import Finding


@dataclass(frozen=True, slots=True)
class Due:
    """A row that must be in a view, and where the event stands that made it what it is."""

    partition: int
    position: int
    row: tuple[Any, ...]


def audit_rows(
    service: str, view: str, due: Mapping[str, Due], found: Iterable[Sequence[Any]]
) -> Iterator[Finding]:
    """Yield where the rows of a view differ from a fold of the log (invariant 7).

    `due` is by key, which is the first column of each row of `found`.
    """
    left = dict(due)
    for row in found:
        key = str(row[0])
        expected = left.pop(key, None)
        if expected is None:
            yield Finding(7, service, None, None, key, f"view.{view}: a row that no event made")
        elif expected.row != tuple(row):
            where = (expected.partition, expected.position, key)
            yield Finding(7, service, *where, f"view.{view}: not what its events say")
    for key, expected in left.items():
        where = (expected.partition, expected.position, key)
        yield Finding(7, service, *where, f"view.{view}: the row is missing")

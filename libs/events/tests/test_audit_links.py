"""Links are held against the events that stream by, whatever the stretches in which they come."""

from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

import pytest

from events import merkle
from events.audit_links import LinksAudit
from events.log import Connection, RecordedEvent

AT = datetime(2026, 11, 26, tzinfo=UTC)
EVENTS = [RecordedEvent(0, n, "s", n, "t", UUID(int=n), AT, b"body %d" % n) for n in range(1, 11)]


class Links:
    """Stands for a connection to a database that holds these links."""

    def __init__(self, *spans: tuple[int, int]) -> None:
        self.rows: list[dict[str, Any]] = []
        previous = merkle.GENESIS
        for first, count in spans:
            root = merkle.root([e.body for e in EVENTS[first - 1 : first - 1 + count]])
            previous = merkle.link(previous, first, count, AT, root)
            row = {"first_position": first, "count": count, "at": AT, "root": root}
            self.rows.append({**row, "link": previous})

    async def fetch(self, _query: str, _partition: int, after: int, _limit: int) -> list[Any]:
        """Return the links after a position, as rows."""
        return [_Row(row) for row in self.rows if row["first_position"] > after]


class _Row(dict[str, Any]):
    def __iter__(self) -> Any:
        return iter(self.values())


async def found(links: Links, events: list[RecordedEvent], stretch: int) -> list[tuple[Any, str]]:
    audit = LinksAudit(cast("Connection", links), "x", 0)
    findings = [
        finding
        for first in range(0, len(events), stretch)
        for finding in await audit.take(events[first : first + stretch])
    ]
    findings += await audit.end(events[-1].position)
    return [(finding.position, finding.detail) for finding in findings]


@pytest.mark.parametrize("stretch", [1, 2, 3, 10])
async def test_links_of_any_length_are_followed_over_stretches(stretch: int) -> None:
    assert await found(Links((1, 1), (2, 4), (6, 1), (7, 4)), EVENTS, stretch) == []


@pytest.mark.parametrize("stretch", [1, 3, 10])
async def test_events_that_no_link_covers_are_named_by_the_next_link(stretch: int) -> None:
    links = Links((1, 2), (5, 6))

    assert await found(links, EVENTS, stretch) == [(5, "no link covers positions after 2")]


@pytest.mark.parametrize("stretch", [1, 3, 10])
async def test_a_link_over_what_another_covers_is_named(stretch: int) -> None:
    links = Links((1, 10), (10, 1))

    positions = {position for position, _ in await found(links, EVENTS, stretch)}

    assert positions == {10}


@pytest.mark.parametrize("stretch", [1, 3, 10])
async def test_what_is_missing_at_the_end_is_named(stretch: int) -> None:
    named = await found(Links((1, 4), (5, 6)), EVENTS[:-2], stretch)

    assert named[0] == (9, "positions up to 10 are missing")


@pytest.mark.parametrize("stretch", [1, 3, 10])
async def test_a_changed_body_is_named_once(stretch: int) -> None:
    changed = [e._replace(body=b"x") if e.position == 3 else e for e in EVENTS]

    named = await found(Links((1, 2), (3, 4), (7, 4)), changed, stretch)

    assert [position for position, _ in named] == [3]

"""What is shown of very many findings: the first bad places of every service and partition."""

import random
from collections.abc import AsyncGenerator

from events.finding import Finding
from kembalian.operators.checks import Piece, checked
from kembalian.operators.findings import PER_PART_MAX, Lowest, More


def a_finding(
    service: str, partition: int | None, position: int | None, detail: str = ""
) -> Finding:
    return Finding(9, service, partition, position, None, detail)


def test_the_first_bad_place_of_each_part_is_kept_however_late_it_is_found() -> None:
    lowest = Lowest()

    for position in range(5_000, 7_000):
        lowest.take(a_finding("wallet-ledger", 3, position))
    lowest.take(a_finding("wallet-ledger", 3, 17))
    lowest.take(a_finding("settlement", 0, 9))
    lowest.take(a_finding("identity", None, None))

    kept = {(f.service, f.partition, f.position) for f in lowest.findings()}
    assert {("wallet-ledger", 3, 17), ("settlement", 0, 9), ("identity", None, None)} <= kept
    assert lowest.more() == [More("wallet-ledger", 3, 2_001 - PER_PART_MAX)]


def test_kept_are_the_lowest_places_in_whatever_order_they_are_found() -> None:
    positions = random.sample(range(1_000_000), 1_000)
    lowest = Lowest()

    for position in positions:
        lowest.take(a_finding("wallet-ledger", 0, position))

    expected = sorted(positions)[:PER_PART_MAX]
    assert [finding.position for finding in lowest.findings()] == expected


def test_of_one_place_the_findings_that_came_first_are_kept_in_their_order() -> None:
    lowest = Lowest()

    taken = [lowest.take(a_finding("catalog", 0, 4, f"{n}")) for n in range(PER_PART_MAX + 5)]

    assert taken == [True] * PER_PART_MAX + [False] * 5
    assert [f.detail for f in lowest.findings()] == [f"{n}" for n in range(PER_PART_MAX)]


def untold(_done: int, _total: int) -> None:
    """Take no notice of progress."""


async def all_wrong(item: tuple[int, int]) -> AsyncGenerator[Finding | int]:
    """A piece of work in which every event is wrong, and the last place is found first."""
    partition, events = item
    for position in range(events, 0, -1):
        yield a_finding("wallet-ledger", partition, position)
        if position <= events // 2:
            yield a_finding("settlement", partition, position)
    yield events


async def test_a_check_shows_the_first_bad_places_of_all_pieces_and_counts_every_finding() -> None:
    events = 1_000
    pieces = [Piece(all_wrong, (partition, events), events) for partition in range(3)]
    lowest = Lowest()

    async for found in checked(pieces, untold):
        if isinstance(found, More):
            lowest.take_refused(found)
        else:
            lowest.take(found)

    shown = {(f.service, f.partition, f.position) for f in lowest.findings()}
    services = ("wallet-ledger", "settlement")
    firsts = {(s, n, p) for s in services for n in range(3) for p in range(1, PER_PART_MAX + 1)}
    assert shown == firsts
    assert sum(m.findings for m in lowest.more()) + len(shown) == 3 * (events + events // 2)


async def in_order(events: int) -> AsyncGenerator[Finding | int]:
    """A piece of work in which every event is wrong, found as it is read."""
    for position in range(1, events + 1):
        yield a_finding("wallet-ledger", 0, position)


async def test_a_piece_passes_on_no_more_than_is_shown() -> None:
    passed = [found async for found in checked([Piece(in_order, 5_000, 5_000)], untold)]

    assert len(passed) == PER_PART_MAX + 1
    assert passed[-1] == More("wallet-ledger", 0, 5_000 - PER_PART_MAX)

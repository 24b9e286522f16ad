"""Who writes what: fair, still when it is fair, and soon so whatever each process has seen."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallet_ledger.sharing import shares


def held(picture: str) -> dict[int, str | None]:
    """Return the holders that `picture` draws, one letter for each partition; `.` is nobody."""
    return {n: None if letter == "." else letter for n, letter in enumerate(picture)}


def drawn(target: dict[int, str]) -> str:
    return "".join(target[n] for n in sorted(target))


@pytest.mark.parametrize(
    ("live", "before", "after"),
    [
        ("", "aaaa....", ""),  # nobody lives
        ("a", "........", "aaaaaaaa"),  # the first start
        ("ab", "aaaaaaaa", "aaaabbbb"),  # a second one comes: half is given up
        ("abc", "aaaabbbb", "aaacbbbc"),  # a third one: two partitions move, no more
        ("ac", "aaacbbbc", "aaacaccc"),  # b is dead: what was its own alone moves
        ("ab", "abababab", "abababab"),  # fair already
        ("abc", "bbbbccaa", "bbbaccaa"),  # the larger shares are for those with more, then by name
        ("abc", "aabbbccc", "aabbbccc"),  # whoever has the small share keeps it
        ("ab", "aaaaaaab", "aaaabbbb"),  # a seized some for a while
        ("abcdefghij", "aaaaaaaa", "abcdefgh"),  # more processes than partitions: two have none
    ],
)
def test_shares(live: str, before: str, after: str) -> None:
    assert drawn(shares(live, held(before))) == after


NAMES = "abcdefghijk"
partitions = st.integers(1, 24)
lives = st.sets(st.sampled_from(NAMES), min_size=1)


@st.composite
def situations(draw: st.DrawFn) -> tuple[set[str], dict[int, str | None]]:
    holder = st.none() | st.sampled_from(NAMES)
    return draw(lives), {n: draw(holder) for n in range(draw(partitions))}


@given(situations())
def test_every_partition_gets_one_live_owner_and_loads_differ_by_one_at_most(
    situation: tuple[set[str], dict[int, str | None]],
) -> None:
    live, holders = situation

    target = shares(live, holders)

    counts = [sum(owner == process for owner in target.values()) for process in live]
    assert set(target) == set(holders)
    assert set(target.values()) <= live
    assert max(counts) - min(counts) <= 1
    assert shares(live, dict(target)) == target  # and there it stays


@given(situations())
def test_no_partition_moves_that_need_not(
    situation: tuple[set[str], dict[int, str | None]],
) -> None:
    live, holders = situation
    before = Counter(holder for holder in holders.values() if holder in live)
    small, larger = divmod(len(holders), len(live))
    allowed = [small + (rank < larger) for rank in range(len(live))]
    loads = sorted((before[process] for process in live), reverse=True)
    must_move = sum(max(0, load - quota) for load, quota in zip(loads, allowed, strict=True))

    target = shares(live, holders)

    moved = [n for n, owner in holders.items() if owner in live and target[n] != owner]
    assert len(moved) == must_move


@given(situations(), st.data())
def test_processes_that_act_one_by_one_on_what_they_saw_a_while_ago_settle(
    situation: tuple[set[str], dict[int, str | None]], data: st.DataObject
) -> None:
    live, holders = situation
    holders = {n: owner if owner in live else None for n, owner in holders.items()}
    views = {process: dict(holders) for process in live}
    order = st.sampled_from(sorted(live))
    for _ in range(data.draw(st.integers(0, 30))):  # in any order, some on stale views
        process = data.draw(order)
        if data.draw(st.booleans()):
            views[process] = dict(holders)
        act(process, shares(live, views[process]), holders)
    for _ in range(4):  # then each looks and acts; at most three rounds were ever needed
        for process in sorted(live):
            act(process, shares(live, holders), holders)

    assert holders == shares(live, holders)


def act(process: str, target: dict[int, str], holders: dict[int, str | None]) -> None:
    """Do what a process does with its shares: give up its surplus, take what is free."""
    for n, owner in target.items():
        if owner != process and holders[n] == process:
            holders[n] = None
        elif owner == process and holders[n] is None:
            holders[n] = process

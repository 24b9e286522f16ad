"""Whose money pays for an order over several stores: requirement B4, for one part and for many."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallet_ledger.domain import Allocation, InsufficientFunds, allocate

Parts = list[tuple[str, int]]
STORES = st.sampled_from(["a", "b", "c", "d"])
BUCKETS = st.dictionaries(STORES, st.integers(0, 30), max_size=4)
PARTS = st.dictionaries(STORES, st.integers(1, 25), min_size=1).map(lambda d: list(d.items()))


def taken(buckets: dict[str, int], parts: Parts) -> list[list[tuple[str, int]]]:
    return [[(a.issuer, a.amount) for a in part] for part in allocate(buckets, parts)]


@pytest.mark.parametrize(
    ("buckets", "parts", "expected"),
    [
        # every part from its own store's bucket
        ({"a": 5, "b": 9}, [("a", 5), ("b", 9)], [[("a", 5)], [("b", 9)]]),
        # own buckets of all come before anybody's rest: a may not take what b will take
        ({"a": 5, "b": 9}, [("a", 7), ("b", 7)], [[("a", 5), ("b", 2)], [("b", 7)]]),
        # then the largest bucket, parts by store id
        ({"c": 9, "d": 8}, [("a", 8), ("b", 4)], [[("c", 8)], [("d", 4)]]),
        ({"c": 9, "d": 8}, [("b", 4), ("a", 8)], [[("d", 4)], [("c", 8)]]),
        # the largest as it is then: after the part before it
        ({"c": 9, "d": 8}, [("a", 3), ("b", 3)], [[("c", 3)], [("d", 3)]]),
        # ties by store id as text
        ({"s10": 4, "s9": 4}, [("a", 5), ("b", 3)], [[("s10", 4), ("s9", 1)], [("s9", 3)]]),
        # a part may take what another's own store has left
        ({"b": 9}, [("a", 4), ("b", 5)], [[("b", 4)], [("b", 5)]]),
        # to the last rupiah
        ({"a": 1, "b": 1}, [("a", 1), ("b", 1)], [[("a", 1)], [("b", 1)]]),
    ],
)
def test_an_order_over_several_stores(
    buckets: dict[str, int], parts: Parts, expected: list[Parts]
) -> None:
    assert taken(buckets, parts) == expected


def test_too_much_in_all_is_refused_with_what_is_missing() -> None:
    with pytest.raises(InsufficientFunds) as refusal:
        allocate({"a": 5, "b": 2}, [("a", 4), ("b", 4)])

    assert (refusal.value.available, refusal.value.shortfall) == (7, 1)


def one_part(buckets: dict[str, int], store: str, amount: int) -> Counter[str]:
    """B4, coin by coin: the own bucket, then the others from the largest down."""
    others = sorted((i for i in buckets if i != store), key=lambda i: (-buckets[i], i))
    coins = [i for i in [store, *others] for _ in range(buckets.get(i, 0))]
    return Counter(coins[:amount])


@given(BUCKETS, PARTS)
def test_every_allocation_keeps_the_rule(buckets: dict[str, int], parts: Parts) -> None:
    asked = sum(amount for _, amount in parts)
    if asked > sum(buckets.values()):
        with pytest.raises(InsufficientFunds, match=f"requested={asked}"):
            allocate(buckets, parts)
        return

    before = dict(buckets)
    allocations = allocate(buckets, parts)

    assert buckets == before  # what it was asked about stays as it is
    together = Counter[str]()
    for (store, amount), part in zip(parts, allocations, strict=True):
        assert sum(a.amount for a in part) == amount
        assert len({a.issuer for a in part}) == len(part)
        assert min(a.amount for a in part) > 0
        own = min(amount, buckets.get(store, 0))
        assert own == 0 or part[0] == Allocation(store, own)
        together.update({a.issuer: a.amount for a in part})
    assert all(together[issuer] <= buckets[issuer] for issuer in together)
    if len(parts) == 1:
        assert together == one_part(buckets, *parts[0])


@given(BUCKETS, PARTS, st.randoms(use_true_random=False))
def test_the_order_of_the_question_changes_nothing(
    buckets: dict[str, int], parts: Parts, random: Random
) -> None:
    if sum(amount for _, amount in parts) > sum(buckets.values()):
        return
    shuffled = list(parts)
    random.shuffle(shuffled)
    turned = dict(reversed(buckets.items()))

    asked = dict(zip([s for s, _ in parts], allocate(buckets, parts), strict=True))
    again = dict(zip([s for s, _ in shuffled], allocate(turned, shuffled), strict=True))

    assert asked == again

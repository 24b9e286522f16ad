"""Trees that grow: against RFC 9162's definitions, word for word, and published vectors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events import merkle, tree

# Certificate Transparency's own test data: eight leaves, the root over all, paths and proofs.
LEAVES = [
    bytes.fromhex(text)
    for text in [
        *("", "00", "10", "2021", "3031", "40414243", "5051525354555657"),
        "606162636465666768696a6b6c6d6e6f",
    ]
]
INCLUSION: list[tuple[int, int, list[str]]] = [
    (0, 1, []),
    (
        0,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
]
CONSISTENCY: list[tuple[int, int, list[str]]] = [
    (1, 1, []),
    (
        1,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6,
        8,
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2,
        5,
        [
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
]


def mth(hashes: list[bytes]) -> bytes:
    """RFC 9162, section 2.1.1."""
    if not hashes:
        return tree.EMPTY
    if len(hashes) == 1:
        return hashes[0]
    k = largest_power_below(len(hashes))
    return merkle.node(mth(hashes[:k]), mth(hashes[k:]))


def path(m: int, hashes: list[bytes]) -> list[bytes]:
    """RFC 9162, section 2.1.3.1."""
    if len(hashes) == 1:
        return []
    k = largest_power_below(len(hashes))
    if m < k:
        return [*path(m, hashes[:k]), mth(hashes[k:])]
    return [*path(m - k, hashes[k:]), mth(hashes[:k])]


def subproof(m: int, hashes: list[bytes], whole: bool) -> list[bytes]:
    """RFC 9162, section 2.1.4.1."""
    if m == len(hashes):
        return [] if whole else [mth(hashes)]
    k = largest_power_below(len(hashes))
    if m <= k:
        return [*subproof(m, hashes[:k], whole), mth(hashes[k:])]
    return [*subproof(m - k, hashes[k:], False), mth(hashes[:k])]


def largest_power_below(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


class Grown:
    """A tree of `size` leaves with all its perfect subtrees."""

    def __init__(self, leaves: list[bytes]) -> None:
        self.hashes = [merkle.leaf(leaf) for leaf in leaves]
        self.growing = tree.Growing()
        self.known: dict[tree.Subtree, bytes] = {}
        for leaf in self.hashes:
            self.known.update(self.growing.add(leaf))

    def roots(self, ranges: list[tree.Range]) -> list[bytes]:
        return [tree.hash_of(each, self.known.__getitem__) for each in ranges]


def numbered(size: int) -> Grown:
    return Grown([b"%d" % n for n in range(size)])


@pytest.mark.parametrize(("index", "size", "expected"), INCLUSION)
def test_audit_paths_are_the_published_ones(index: int, size: int, expected: list[str]) -> None:
    grown = Grown(LEAVES[:size])

    assert [h.hex() for h in grown.roots(tree.inclusion(index, size))] == expected


@pytest.mark.parametrize(("old", "new", "expected"), CONSISTENCY)
def test_consistency_proofs_are_the_published_ones(old: int, new: int, expected: list[str]) -> None:
    grown = Grown(LEAVES[:new])

    assert [h.hex() for h in grown.roots(tree.consistency(old, new))] == expected


@pytest.mark.parametrize("size", range(71))
def test_a_tree_that_grew_is_the_one_of_the_definition(size: int) -> None:
    grown = numbered(size)

    assert grown.growing.root() == mth(grown.hashes)
    assert grown.growing.size == size
    peaks = [grown.known[subtree] for subtree in tree.subtrees((0, size))]
    assert tree.Growing(size, peaks).root() == mth(grown.hashes)


def test_all_proofs_of_all_sizes_are_those_of_the_definition() -> None:
    grown = numbered(70)
    for size in range(1, 71):
        hashes = grown.hashes[:size]
        for other in range(size):
            assert grown.roots(tree.inclusion(other, size)) == path(other, hashes)
            if other:
                proof = grown.roots(tree.consistency(other, size))
                assert proof == subproof(other, hashes, True)
        assert tree.consistency(size, size) == tree.consistency(0, size) == []


@given(st.integers(1, 10**9), st.data())
def test_a_proof_of_any_size_takes_a_few_hashes(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))

    assert len(tree.inclusion(index, size)) <= size.bit_length()
    assert len(tree.consistency(index, size)) <= size.bit_length() + 1


def test_what_is_not_in_a_tree_has_no_proof() -> None:
    for index, size in [(1, 1), (-1, 1), (0, 0)]:
        with pytest.raises(ValueError, match="no leaf"):
            tree.inclusion(index, size)
    with pytest.raises(ValueError, match="does not become"):
        tree.consistency(2, 1)
    with pytest.raises(ValueError, match="subtrees"):
        tree.Growing(3, [tree.EMPTY])

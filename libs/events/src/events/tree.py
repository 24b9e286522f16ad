"""Merkle trees that only grow: roots, inclusion and consistency by RFC 9162, section 2.1. Pure.

A tree of n leaves is the list of its perfect subtrees, largest first (the binary digits of n): so
it grows by a leaf, and its root is made, without any other hash. A proof names ranges of leaves;
each range is again a list of perfect subtrees, `(level, index)` = the leaves from index * 2**level.
"""

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256

from events.merkle import node

EMPTY = sha256(b"").digest()
"""The root of a tree without leaves."""

Range = tuple[int, int]
"""Leaves from the first number up to, not including, the second."""

Subtree = tuple[int, int]
"""(level, index) of a perfect subtree."""

HashOf = Callable[[Subtree], bytes]


class Growing:
    """A tree while it grows; `size` leaves so far."""

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        """Go on with a tree of `size` leaves, the hashes of whose perfect subtrees are given."""
        levels = [level for level, _ in subtrees((0, size))]
        if len(levels) != len(hashes):
            raise ValueError(f"{size} leaves are {len(levels)} subtrees, not {len(hashes)}")
        self.size = size
        self._peaks = list(zip(levels, hashes, strict=True))

    def add(self, leaf: bytes) -> Iterator[tuple[Subtree, bytes]]:
        """Add the hash of a leaf; yield the subtrees that it completes, the leaf itself first."""
        level, made = 0, leaf
        yield (0, self.size), made
        while self._peaks and self._peaks[-1][0] == level:
            made = node(self._peaks.pop()[1], made)
            level += 1
            yield (level, self.size >> level), made
        self._peaks.append((level, made))
        self.size += 1

    def root(self) -> bytes:
        """Return the root of the leaves so far."""
        return joined([peak for _, peak in self._peaks])


def joined(hashes: Sequence[bytes]) -> bytes:
    """Return the root over perfect subtrees, largest first."""
    if not hashes:
        return EMPTY
    *rest, made = hashes
    for left in reversed(rest):
        made = node(left, made)
    return made


def subtrees(leaves: Range) -> list[Subtree]:
    """Return the perfect subtrees of a range that begins where its largest one may begin."""
    start, end = leaves
    found: list[Subtree] = []
    while start < end:
        level = (end - start).bit_length() - 1
        found.append((level, start >> level))
        start += 1 << level
    return found


def hash_of(leaves: Range, known: HashOf) -> bytes:
    """Return the root of a range of leaves; `known` gives the hashes of perfect subtrees."""
    return joined([known(subtree) for subtree in subtrees(leaves)])


def inclusion(index: int, size: int) -> list[Range]:
    """Return the ranges whose roots are the audit path of a leaf, from the leaf up.

    Source: RFC 9162, section 2.1.3.1. Raises ValueError for a leaf that is not in the tree.
    """
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} among {size}")
    start, end = 0, size
    path: list[Range] = []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start = middle
    return path[::-1]


def consistency(old: int, new: int) -> list[Range]:
    """Return the ranges whose roots prove that the first `old` of `new` leaves are as they were.

    Source: RFC 9162, section 2.1.4.1; nothing has to be proven of an empty tree. Raises ValueError
    where a tree became smaller.
    """
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {old} leaves does not become one of {new}")
    if old in (0, new):
        return []
    start, end = 0, new
    path: list[Range] = []
    while end != old:
        middle = start + _split(end - start)
        if old <= middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start = middle
    if start:
        path.append((start, end))
    return path[::-1]


def _split(size: int) -> int:
    """Return the largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)

"""A place in a log: how far each partition was read or written. Outside it is one opaque text."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

TEXT = re.compile(r"(?:0|[1-9][0-9]{0,4})-(?:0|[1-9][0-9]{0,18})")
PARTITIONS_MAX = 32_767
POSITION_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Place:
    """A vector (partition -> position), ascending by partition; position 0 = nothing yet."""

    positions: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, positions: Mapping[int, int] | Iterable[tuple[int, int]]) -> "Place":
        """Return the place that names exactly these partitions."""
        return cls(tuple(sorted(dict(positions).items())))

    @classmethod
    def parse(cls, text: str) -> "Place":
        """Read `str(place)` back. Raises ValueError for any text that was never one."""
        pairs: list[tuple[int, int]] = []
        for part in text.split("_"):
            if not TEXT.fullmatch(part):
                raise ValueError("not a ledger position")
            partition, _, position = part.partition("-")
            pairs.append((int(partition), int(position)))
        partitions = [partition for partition, _ in pairs]
        if any(a >= b for a, b in pairwise(partitions)):
            raise ValueError("not a ledger position")
        if partitions[-1] > PARTITIONS_MAX or any(pos > POSITION_MAX for _, pos in pairs):
            raise ValueError("not a ledger position")
        return cls(tuple(pairs))

    def __str__(self) -> str:
        """Return `partition-position` pairs joined by `_`, such as `0-12_3-5`; nothing is `0-0`."""
        pairs = self.positions or ((0, 0),)
        return "_".join(f"{partition}-{position}" for partition, position in pairs)

    def at(self, partition: int) -> int:
        """Return the position in `partition`, 0 where this place does not name it."""
        return dict(self.positions).get(partition, 0)

    def reaches(self, other: "Place") -> bool:
        """Tell whether all that `other` names has been reached; what it does not name is free."""
        mine = dict(self.positions)
        return all(mine.get(partition, 0) >= position for partition, position in other.positions)

    def partitions(self) -> frozenset[int]:
        """Return the partitions that this place names."""
        return frozenset(partition for partition, _ in self.positions)

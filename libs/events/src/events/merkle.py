"""The hashes of the chain: Merkle roots with RFC 9162's prefixes, and one link per append.

Source: RFC 9162, section 2.1.1 (leaf prefix 0x00, node prefix 0x01, split at the largest power of
two smaller than the number of leaves).
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256

GENESIS = bytes(32)
"""The link before the first one of every partition."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def leaf(body: bytes) -> bytes:
    """Return the hash of one event's bytes."""
    return sha256(b"\x00" + body).digest()


def node(left: bytes, right: bytes) -> bytes:
    """Return the hash over two hashes."""
    return sha256(b"\x01" + left + right).digest()


def root(bodies: Sequence[bytes]) -> bytes:
    """Return the Merkle root (32 bytes) of the events of one append, in order; at least one.

    Level by level with an odd last hash carried up: the same tree as RFC 9162's recursive split.
    """
    level = [sha256(b"\x00" + body).digest() for body in bodies]  # `leaf`, without a call for each
    while len(level) > 1:
        paired = [node(a, b) for a, b in zip(level[::2], level[1::2], strict=False)]
        level = [*paired, level[-1]] if len(level) % 2 else paired
    return level[0]


def microseconds(moment: datetime) -> int:
    """Return `moment` as whole microseconds since 1970, without a detour over floats."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def link(previous: bytes, first_position: int, count: int, at: datetime, merkle: bytes) -> bytes:
    """Return the link that one append adds; log.append makes the same under the counter's lock."""
    integers = (first_position, count, microseconds(at))
    packed = b"".join(value.to_bytes(8, "big", signed=True) for value in integers)
    return sha256(previous + packed + merkle).digest()

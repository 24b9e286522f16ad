"""One SHA-256 over all rows of a service's views: equal views have equal digests, to the byte.

Rows come as COPY's binary form has them, so that nobody formats, parses or encodes millions of
them here; parts are read by several connections, which see one snapshot.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import asyncpg

CONNECTIONS = 2

SESSION = {"enable_sort": "off"}
"""A part comes in the order of an index: sorted again, its rows went to the disk and back first."""


class Digest(NamedTuple):
    """The SHA-256 (hex) over all rows, and how many they are."""

    sha256: str
    rows: int


@dataclass(slots=True)
class _Hashing:
    """Takes what COPY sends."""

    sha: Any = field(default_factory=hashlib.sha256)

    async def __call__(self, data: bytes) -> None:
        self.sha.update(data)


async def digest(dsn: str, parts: Sequence[str], first: str = "SELECT 1") -> Digest:
    """Return the digest of what the queries `parts` yield, each in an order of its own making.

    `first` is executed before any look at the views: what holds them still. The SHA-256 is over
    those of the parts, in their order. Raises asyncpg.PostgresError.
    """
    left = list(reversed(list(enumerate(parts))))
    found: dict[int, tuple[bytes, int]] = {}

    async def some(connection: asyncpg.Connection) -> None:
        while left:
            number, query = left.pop()
            hashing = _Hashing()
            said = await connection.copy_from_query(query, output=hashing, format="binary")
            found[number] = (hashing.sha.digest(), int(said.split()[-1]))

    holder = await asyncpg.connect(dsn, timeout=10, server_settings=SESSION)
    try:
        async with holder.transaction(isolation="repeatable_read", readonly=True):
            await holder.execute(first)
            snapshot = await holder.fetchval("SELECT pg_export_snapshot()")
            others = [_other(dsn, snapshot, some) for _ in range(1, CONNECTIONS)]
            await asyncio.gather(some(holder), *others)
    finally:
        await holder.close()
    whole = hashlib.sha256(b"".join(found[number][0] for number in range(len(parts))))
    return Digest(whole.hexdigest(), sum(rows for _, rows in found.values()))


async def _other(dsn: str, snapshot: str, some: Any) -> None:
    connection = await asyncpg.connect(dsn, timeout=10, server_settings=SESSION)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            await connection.execute(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
            await some(connection)
    finally:
        await connection.close()

from typing import Any, cast
from uuid import UUID

import asyncpg
import asyncpg.protocol.protocol
import pytest

from events.quick_arrays import ARRAYS, NAMES, ask_by_type

PROTOCOL = cast("Any", asyncpg.protocol.protocol)
COLUMNS: list[tuple[str, list[Any]]] = [
    ("text", ["", "a", "{", "list", None]),
    ("bytea", [b"", b"\x00a", None]),
    ("bigint", [0, -(2**63), None]),
    ("smallint", []),
    ("uuid", [UUID(int=7)]),
    ("bigint", [[1, 2], [3, 4]]),
]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:  # what asyncpg has, or an upgrade has made this file useless
        monkeypatch.setattr(PROTOCOL, name, getattr(PROTOCOL, name))
    ask_by_type()


@pytest.mark.usefixtures("quick")
async def test_arrays_arrive_as_they_were(pool: asyncpg.Pool) -> None:
    assert PROTOCOL.IterableABC is ARRAYS
    for kind, values in COLUMNS:
        assert await pool.fetchval(f"SELECT $1::{kind}[]", values) == values


@pytest.mark.usefixtures("quick")
async def test_whatever_can_be_an_array_is_one_and_a_text_is_none(pool: asyncpg.Pool) -> None:
    for values in [("a",), {"a"}, frozenset("a"), {"a": 1}.keys(), {1: "a"}.values()]:
        assert await pool.fetchval("SELECT $1::text[]", values) == ["a"]
    with pytest.raises(asyncpg.DataError):
        await pool.fetchval("SELECT $1::text[]", "a")

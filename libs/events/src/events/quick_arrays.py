"""Arrays as arguments of a statement, without asking of each element whether it is one, too.

asyncpg asks that of every element by two abstract classes of `collections.abc`, in Python: half of
what it costs to send a group of entries, whose columns are such arrays. Asked by concrete types
the answer is the same for all that this house sends (decision 0037).
"""

from typing import Any, Final, cast

import asyncpg.protocol.protocol

_NOTHING: Final = dict[str, str]()
_VIEWS: Final = (type(_NOTHING.keys()), type(_NOTHING.values()))
ARRAYS: Final[tuple[type, ...]] = (list, tuple, set, frozenset, *_VIEWS)
"""What can be an array; asyncpg itself takes any sized iterable that is no text or mapping."""

NAMES: Final = ("IterableABC", "SizedABC")


def ask_by_type() -> None:
    """Let this process tell arrays from their elements by ARRAYS.

    Where asyncpg has no such names (any more) it goes on asking as it does.
    """
    protocol = cast("Any", asyncpg.protocol.protocol)
    for name in NAMES:
        if hasattr(protocol, name):
            setattr(protocol, name, ARRAYS)

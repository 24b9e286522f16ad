"""Pages of a list: a limit, and a signed cursor that only continues the list it came from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, cast

from fastapi import Depends, Query
from itsdangerous import BadData, URLSafeSerializer
from starlette.requests import Request

from web.problems import invalid

LIMIT_MAX: Final = 200
LIMIT_DEFAULT: Final = 50
CURSOR_CHARACTERS_MAX: Final = 2048
NOT_A_FILTER: Final = frozenset({"limit", "cursor", "at_least"})

Key = str | int | None
"""One part of the place where a page ended: a column of the list's order."""


@dataclass(frozen=True, slots=True)
class Page:
    """What is asked for: `limit` items after the keys `after` (None = from the beginning)."""

    limit: int
    after: tuple[Key, ...] | None
    serializer: URLSafeSerializer

    def next_cursor(self, keys: Sequence[Key]) -> str:
        """Return the cursor that continues after the item with these keys."""
        return self.serializer.dumps(list(keys))


async def page(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
    cursor: Annotated[str | None, Query()] = None,
) -> Page:
    """Return the page asked for. Raises Problem 422 for a cursor that this list did not give."""
    serializer = URLSafeSerializer(request.app.state.cursor_key, salt=_salt(request))
    if cursor is None:
        return Page(limit, None, serializer)
    try:
        keys: Any = serializer.loads(cursor[:CURSOR_CHARACTERS_MAX])
    except (BadData, ValueError):
        raise invalid("cursor", "was not given out by this list") from None
    return Page(limit, tuple(cast("list[Key]", keys)), serializer)


def _salt(request: Request) -> bytes:
    """Return what binds a cursor to its list: the path and all filters, in one order."""
    filters = sorted(
        item for item in request.query_params.multi_items() if item[0] not in NOT_A_FILTER
    )
    return repr((request.url.path, filters)).encode("utf-8", "replace")


PageQuery = Annotated[Page, Depends(page)]

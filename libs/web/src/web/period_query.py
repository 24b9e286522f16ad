"""`from` and `to` of a request as its period, and whether both must be given."""

from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Depends, Query
from starlette.requests import Request

from web.periods import Period
from web.problems import Problem


async def optional_period(
    request: Request,
    first: Annotated[str | None, Query(alias="from")] = None,
    last: Annotated[str | None, Query(alias="to")] = None,
) -> Period:
    """Return the period of a list: without `from` or `to` it is open on that side."""
    tz: ZoneInfo = request.app.state.tz
    return Period.parse(first, last, tz)


async def required_period(period: Annotated[Period, Depends(optional_period)]) -> Period:
    """Return the period of a report, whose days must both be given."""
    missing = [name for name, day in (("from", period.first), ("to", period.last)) if day is None]
    if missing:
        raise Problem(
            "invalid-request",
            errors=[{"field": name, "message": "is required"} for name in missing],
        )
    return period


OptionalPeriod = Annotated[Period, Depends(optional_period)]
RequiredPeriod = Annotated[Period, Depends(required_period)]

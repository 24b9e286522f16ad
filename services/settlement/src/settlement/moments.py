"""Which state of the ledger a read asks for: the newest, one not older than, or one of the past."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Query

from events.place import Place
from events.topics import WALLET
from web.periods import parse_time
from web.problems import invalid

PARTITIONS = frozenset(range(WALLET.partitions))


@dataclass(frozen=True, slots=True)
class Moment:
    """What was asked for; nothing given = the view as it is. `as_of` is UTC.

    `at_least` names the partitions that are waited for; `position` names all of the ledger.
    """

    at_least: Place | None = None
    as_of: datetime | None = None
    position: Place | None = None


NOW = Moment()


async def moment(
    at_least: Annotated[str | None, Query()] = None,
    as_of: Annotated[str | None, Query()] = None,
    position: Annotated[str | None, Query()] = None,
) -> Moment:
    """Return the moment that a query asks for. Raises Problem 422 that names the field."""
    if as_of is not None and position is not None:
        raise invalid("position", "must not be given together with as_of")
    place = None if position is None else _place(position, "position")
    if place is not None and place.partitions() != PARTITIONS:
        raise invalid("position", f"must name all {len(PARTITIONS)} partitions of the ledger")
    return Moment(
        None if at_least is None else _place(at_least, "at_least"),
        None if as_of is None else parse_time(as_of, field="as_of"),
        place,
    )


async def at_least_only(at_least: Annotated[str | None, Query()] = None) -> Moment:
    """Return the moment of a list, which can only be asked to be new enough."""
    return await moment(at_least)


def _place(text: str, field: str) -> Place:
    try:
        place = Place.parse(text)
    except ValueError:
        raise invalid(field, "must be a ledger_position as it was given out") from None
    if not place.partitions() <= PARTITIONS:
        raise invalid(field, "must be a ledger_position as it was given out")
    return place


MomentQuery = Annotated[Moment, Depends(moment)]
AtLeastQuery = Annotated[Moment, Depends(at_least_only)]

"""Days of the configured zone and moments of UTC, as requests name them."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from web.problems import invalid

DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
TIME: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
YEARS: Final = range(1900, 9999)  # a day later, in any zone, is still a date


def timestamp(moment: datetime) -> str:
    """Return `moment` as RFC 3339 in UTC with `Z` and six decimals."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text: str, *, field: str, now: datetime | None = None) -> datetime:
    """Return the moment (UTC) that an RFC 3339 text names.

    Raises: Problem 422 naming `field` for a malformed or future time.
    """
    found = TIME.fullmatch(text)
    if found is None:
        raise invalid(field, "must be a time such as 2026-11-22T10:00:00Z")
    day, clock, fraction, zone = found.groups()
    micros = (fraction or "0")[:6].ljust(6, "0")
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}.{micros}{zone.upper()}").astimezone(UTC)
    except (ValueError, OverflowError):
        raise invalid(field, "must be a time such as 2026-11-22T10:00:00Z") from None
    if moment > (now or datetime.now(UTC)):
        raise invalid(field, "must not lie in the future")
    return moment


@dataclass(frozen=True, slots=True)
class Period:
    """Inclusive days and what they are in UTC: `start` <= moment < `end`; None = unbounded."""

    first: date | None
    last: date | None
    start: datetime | None
    end: datetime | None

    @classmethod
    def parse(cls, first: str | None, last: str | None, tz: ZoneInfo) -> "Period":
        """Return the period of two days. Raises Problem 422 naming `from` or `to`."""
        day_one, day_last = _day(first, "from"), _day(last, "to")
        if day_one is not None and day_last is not None and day_one > day_last:
            raise invalid("from", "must not be after to")
        after = None if day_last is None else day_last + timedelta(days=1)
        return cls(day_one, day_last, _midnight(day_one, tz), _midnight(after, tz))


def _day(text: str | None, field: str) -> date | None:
    if text is None:
        return None
    try:
        day = date.fromisoformat(text) if DATE.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None or day.year not in YEARS:
        raise invalid(field, "must be a date such as 2026-11-22")
    return day


def _midnight(day: date | None, tz: ZoneInfo) -> datetime | None:
    """Return the start of `day` in `tz`, as UTC."""
    if day is None:
        return None
    return datetime(day.year, day.month, day.day, tzinfo=tz).astimezone(UTC)

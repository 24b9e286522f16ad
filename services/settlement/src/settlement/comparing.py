"""What differs between the rows that an event should have given and those that are there: pure."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import asyncpg

from events.received import Received
from settlement.rows import NO_ROWS, EntryRow, MovementRow, ObligationRow, Rows, StoreRow

Row: TypeAlias = EntryRow | ObligationRow | MovementRow
Kind = Literal["missing", "doubled", "extra", "changed"]
View = Literal["entry", "obligation", "movement"]
ViewName = Literal["entry", "obligation", "movement", "total", "store"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One row of `view` that is not as the events say; `position` is in the log it comes from.

    `stream` is the wallet, or the store where a row does not name a wallet.
    """

    kind: Kind
    partition: int
    position: int
    stream: str
    detail: str
    view: ViewName


def where(row: Row) -> tuple[int, int]:
    """Return the place of the event that a row comes from."""
    return (row.partition, row.position)


def by_event(
    events: Sequence[Received],
    expected: Sequence[Rows],
    found: Mapping[View, Sequence[Row]],
    letters: Mapping[tuple[int, int], str],
) -> Iterator[Difference]:
    """Yield what differs between a stretch of events and the rows found there, place by place.

    `expected` are the rows of each event, `letters` the states of the dead letters by place.
    """
    due = {(e.partition, e.position): (e, rows) for e, rows in zip(events, expected, strict=True)}
    there: dict[ViewName, dict[tuple[int, int], list[Row]]] = {}
    for view, rows in found.items():
        there[view] = {}
        for row in rows:
            there[view].setdefault(where(row), []).append(row)
    for place in sorted(due.keys() | {place for at in there.values() for place in at}):
        event, of_event = due.get(place, (None, NO_ROWS))
        for (view, at), rows in zip(there.items(), of_event, strict=True):
            present = at.get(place, [])
            if event is None:
                yield from (stray(view, row) for row in present)
            else:
                yield from compared(view, event, rows, present, letters.get(place))


def compared(
    view: ViewName,
    event: Received,
    expected: Sequence[Row],
    found: Sequence[Row],
    letter: str | None,
) -> Iterator[Difference]:
    """Yield what differs between the rows of one event in one view.

    `letter` is the state of the event's dead letter, if it is one: then its rows are missing for a
    known reason, which is said.
    """

    def difference(kind: Kind, detail: str) -> Difference:
        stream = event.envelope.stream
        return Difference(kind, event.partition, event.position, stream, f"{view}: {detail}", view)

    there: defaultdict[int, list[Row]] = defaultdict(list)
    for row in found:
        there[row.ordinal].append(row)
    for row in expected:
        same_place = there.pop(row.ordinal, [])
        if not same_place:
            reason = "" if letter is None else f", the event is a letter ({letter})"
            yield difference("missing", f"row {row.ordinal} is not there{reason}")
            continue
        if row not in same_place:
            yield difference("changed", _changes(row, same_place[0]))
        for _ in same_place[1:]:
            yield difference("doubled", f"row {row.ordinal} is there more than once")
    contents = [_content(row) for row in expected]
    for row in (row for rows in there.values() for row in rows):
        if _content(row) in contents:
            yield difference("doubled", f"row {row.ordinal} repeats another one of its event")
        else:
            yield difference("extra", f"row {row.ordinal} is of no event: {_shown(row)}")


def stray(view: ViewName, row: Row | StoreRow) -> Difference:
    """Return the difference that a row is which no event stands for."""
    match row:
        case EntryRow():
            stream = row.member_id
        case ObligationRow():
            stream = row.creditor
        case MovementRow() | StoreRow():
            stream = row.store_id
    detail = f"{view}: of no event: {_shown(row)}"
    return Difference("extra", row.partition, row.position, stream, detail, view)


def total(record: asyncpg.Record) -> Difference:
    """Return the difference between a line of view.total and the sum of its movements."""
    kind: Kind = "missing" if record["missing"] else "extra" if record["extra"] else "changed"
    detail = (
        f"total of {record['store_id']}: receivable/liability/issued/position is"
        f" {record['found'] or 'absent'}, the movements give {record['expected'] or 'none'}"
    )
    place = (record["partition"], record["position"])
    return Difference(kind, *place, record["store_id"], detail, "total")


def store(expected: StoreRow, found: StoreRow | None) -> Difference | None:
    """Return what is wrong with one store's line, None if nothing is."""
    if found == expected:
        return None
    kind: Kind = "missing" if found is None else "changed"
    detail = "store: is not there" if found is None else f"store: {_changes(expected, found)}"
    place = (expected.partition, expected.position)
    return Difference(kind, *place, expected.store_id, detail, "store")


def _content(row: Row) -> tuple[object, ...]:
    return tuple(value for name, value in row._asdict().items() if name != "ordinal")


def _changes(expected: Row | StoreRow, found: Row | StoreRow) -> str:
    pairs = zip(expected._asdict().items(), found._asdict().items(), strict=True)
    changed = [f"{name} is {is_}, not {was}" for (name, was), (_, is_) in pairs if was != is_]
    return ", ".join(changed)


def _shown(row: Row | StoreRow) -> str:
    return ", ".join(f"{name}={value}" for name, value in row._asdict().items())

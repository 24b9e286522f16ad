"""Every fault that is planted in the rows of one event is named by the check."""

import asyncpg
import pytest

from settlement.testing.checks import differences
from settlement.testing.ledger import SUSILA, Ledger

INSERT_ENTRY = """
INSERT INTO view.entry
SELECT partition, position + {ahead}, 1::smallint, recorded_at, event_id, kind, member_id,
    card_number, store_id, cashier_id, saved, paid, balance
FROM view.entry WHERE
"""
INSERT_DEBT = """
INSERT INTO view.obligation
SELECT partition, position, 1::smallint, recorded_at, event_id, 'fotokopi', creditor, card_number,
    amount
FROM view.obligation WHERE
"""

FAULTS = {
    "an entry is missing": ("DELETE FROM view.entry WHERE ", {("missing", "entry")}),
    "an entry pays more": ("UPDATE view.entry SET paid = paid + 1 WHERE ", {("changed", "entry")}),
    "a balance is one higher": (
        "UPDATE view.entry SET balance = balance + 1 WHERE ",
        {("changed", "entry")},
    ),
    "an entry came at another time": (
        "UPDATE view.entry SET recorded_at = recorded_at + '1 microsecond' WHERE ",
        {("changed", "entry")},
    ),
    "an entry is doubled": (
        INSERT_ENTRY.format(ahead=0),
        {("doubled", "entry")},
    ),
    "a debt is missing": ("DELETE FROM view.obligation WHERE ", {("missing", "obligation")}),
    "a debt is another store's": (
        "UPDATE view.obligation SET debtor = 'fotokopi' WHERE ",
        {("changed", "obligation")},
    ),
    "a debt is higher": (
        "UPDATE view.obligation SET amount = amount + 1 WHERE ",
        {("changed", "obligation")},
    ),
    "a debt of no event": (
        INSERT_DEBT,
        {("extra", "obligation")},
    ),
    "a movement is missing": (
        "DELETE FROM view.movement WHERE ordinal = 0 AND ",
        {("missing", "movement"), ("changed", "total")},
    ),
    "a movement is moved to another store": (
        "UPDATE view.movement SET store_id = 'fotokopi' WHERE ordinal = 1 AND ",
        {("changed", "movement"), ("changed", "total"), ("missing", "total")},
    ),
    "an entry of an event to come": (
        INSERT_ENTRY.format(ahead=1),
        {("extra", "entry")},
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_in_the_rows_of_an_event_is_named(
    connection: asyncpg.Connection, dsn: str, whole: Ledger, fault: str
) -> None:
    statement, expected = FAULTS[fault]
    spent = whole.events[-1]
    await connection.execute(
        f"{statement} partition = $1 AND position = $2", spent.partition, spent.position
    )

    found = await differences(dsn, whole)

    kinds = {(d.kind, d.view) for d in found}
    assert kinds & expected
    assert kinds <= expected
    of_event = [d for d in found if d.view != "total"]
    assert {d.partition for d in found} == {spent.partition}
    assert {d.position for d in of_event} <= {spent.position, spent.position + 1}
    assert {d.stream for d in of_event} == {SUSILA}


@pytest.mark.parametrize("partition", [-(2**15), -1, 8, 2**15 - 1])
async def test_a_row_in_a_partition_that_was_never_read_is_named(
    connection: asyncpg.Connection, dsn: str, whole: Ledger, partition: int
) -> None:
    spent = whole.events[-1]
    await connection.execute(
        f"{INSERT_ENTRY.format(ahead=0)} partition = $1 AND position = $2".replace(
            "SELECT partition", f"SELECT {partition}"
        ),
        spent.partition,
        spent.position,
    )

    [found] = await differences(dsn, whole)

    assert (found.kind, found.view, found.partition) == ("extra", "entry", partition)

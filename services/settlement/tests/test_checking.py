"""The check of the views: silent when they are right, and naming what is not as the events say."""

import asyncpg
import pytest

from events.place import Place
from events.places import rewind
from events.topics import WALLET
from kembalian.testing.databases import MakeDatabase
from settlement.config import MIGRATIONS
from settlement.domain import Position
from settlement.operations import CouldNotCheck, positions
from settlement.testing.checks import differences, store_differences
from settlement.testing.feeding import feed
from settlement.testing.ledger import SUSILA, Ledger


async def test_right_views_give_no_difference(dsn: str, whole: Ledger) -> None:
    assert await differences(dsn, whole) == []
    assert await store_differences(dsn, whole) == []


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("UPDATE view.total SET issued = issued + 1", "changed"),
        ("DELETE FROM view.total", "missing"),
        ("UPDATE view.total SET store_id = 'other'", "extra"),
    ],
)
async def test_a_wrong_sum_is_named(
    connection: asyncpg.Connection, dsn: str, whole: Ledger, statement: str, kind: str
) -> None:
    partition = whole.events[-1].partition
    where = "WHERE store_id = 'kantin' AND partition = $1"
    await connection.execute(f"{statement} {where}", partition)

    found = await differences(dsn, whole)

    assert kind in {d.kind for d in found}
    assert {(d.view, d.partition) for d in found} == {("total", partition)}


async def test_a_row_that_is_there_twice_under_one_key_is_named(
    make_database: MakeDatabase, ledger: Ledger
) -> None:
    database = make_database("settlement", MIGRATIONS)
    ledger.save(SUSILA, "kantin", 300)
    owner = await asyncpg.connect(database.owner_dsn)
    await feed(owner, ledger.events)
    await owner.execute("ALTER TABLE view.entry DROP CONSTRAINT entry_pkey")
    await owner.execute("INSERT INTO view.entry SELECT * FROM view.entry")
    await owner.close()

    found = await differences(database.app_dsn, ledger)

    assert [(d.kind, d.view, d.stream) for d in found] == [("doubled", "entry", SUSILA)]


async def test_rows_without_any_event_are_extra(dsn: str, whole: Ledger) -> None:
    last = whole.events.pop()

    found = await differences(dsn, whole)

    assert {(d.kind, d.partition, d.position) for d in found} == {
        ("extra", last.partition, last.position)
    }
    assert {d.view for d in found} == {"entry", "obligation", "movement"}


async def test_a_live_view_is_compared_as_far_as_asked(dsn: str, whole: Ledger) -> None:
    last = whole.events.pop()
    upto = Place.of((p, position - (p == last.partition)) for p, position in whole.place.positions)

    assert await differences(dsn, whole, upto) == []


async def test_a_missing_row_of_a_dead_letter_says_so(
    connection: asyncpg.Connection, dsn: str, whole: Ledger
) -> None:
    spent = whole.events[-1]
    await connection.execute("DELETE FROM view.entry WHERE position = $1", spent.position)
    await connection.execute(
        "INSERT INTO log.dead_letter (topic, partition, position, kafka_offset, stream, state,"
        " reason, body) VALUES ($1, $2, $3, 0, $4, 'discarded', 'a test', '')",
        *(spent.topic, spent.partition, spent.position, SUSILA),
    )

    found = [d for d in await differences(dsn, whole) if d.partition == spent.partition]

    assert [(d.kind, "a letter (discarded)" in d.detail) for d in found] == [("missing", True)]


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("DELETE FROM view.store WHERE store_id = 'kantin'", "missing"),
        ("UPDATE view.store SET position = 9 WHERE store_id = 'kantin'", "changed"),
        ("INSERT INTO view.store VALUES ('other', 0, 3, now())", "extra"),
    ],
)
async def test_a_wrong_store_is_named(
    connection: asyncpg.Connection, dsn: str, whole: Ledger, statement: str, kind: str
) -> None:
    await connection.execute(statement)

    assert [(d.kind, d.view) for d in await store_differences(dsn, whole)] == [(kind, "store")]


async def test_half_a_view_and_a_shuffled_log_cannot_be_checked(
    connection: asyncpg.Connection, dsn: str, whole: Ledger
) -> None:
    backwards = Ledger(events=[e for e in whole.events if e.topic == WALLET.name][:1] * 2)
    with pytest.raises(CouldNotCheck, match="by partition and position"):
        await differences(dsn, backwards)

    await rewind(connection)
    with pytest.raises(CouldNotCheck, match="being rebuilt"):
        await differences(dsn, whole)


async def test_positions_at_a_place_are_those_of_the_fold(dsn: str, filled: Ledger) -> None:
    assert await positions(dsn, filled.place) == {
        "fotokopi": Position(0, 0, 5_000),
        "kantin": Position(200, 0, 0),
        "koperasi": Position(0, 200, 100),
    }

"""Faults planted in a copy of a view: `verify` names invariant, partition, position and stream."""

from dataclasses import replace

import asyncpg
import pytest

from events.finding import Finding
from kembalian.operators.checks import LedgerPart, LogPart, Piece, all_pieces, checked
from kembalian.operators.live import LiveRun
from kembalian.operators.reading import database, heads
from kembalian.operators.settled import SettledRest
from kembalian.testing.copies import spoilt
from kembalian.testing.plants import Where

# Each statement returns (partition, position, stream) of the event whose row it spoils.
OWN_LOG = {
    "a card changed": (
        "identity",
        (
            "UPDATE view.member SET card_number = '99999' WHERE member_id ="
            " (SELECT min(member_id) FROM view.member) RETURNING partition, position, member_id"
        ),
    ),
    "a member missing": (
        "identity",
        (
            "DELETE FROM view.member WHERE member_id = (SELECT min(member_id) FROM view.member)"
            " RETURNING partition, position, member_id"
        ),
    ),
    "a cashier elsewhere": (
        "identity",
        (
            "UPDATE view.staff SET store_id = 'elsewhere' WHERE username ="
            " (SELECT min(username) FROM view.staff) RETURNING partition, position, username"
        ),
    ),
    "a store renamed": (
        "catalog",
        (
            "UPDATE view.store SET name = 'Other' WHERE store_id = 'kantin'"
            " RETURNING partition, position, store_id"
        ),
    ),
    "a store missing": (
        "catalog",
        "DELETE FROM view.store WHERE store_id = 'kantin' RETURNING partition, position, store_id",
    ),
    "a store of no event": (
        "catalog",
        (
            "INSERT INTO view.store SELECT 'invented', name, address, kind, state, partition,"
            " position, recorded_at FROM view.store LIMIT 1"
            " RETURNING NULL::int, NULL::int, store_id"
        ),
    ),
    "a balance one higher": (
        "wallet-ledger",
        (
            "UPDATE view.wallet w SET balances[1] = balances[1] + 1 WHERE wallet_id ="
            " (SELECT wallet_id FROM view.bucket LIMIT 1) RETURNING partition,"
            " (SELECT max(position) FROM log.event WHERE stream = w.wallet_id), wallet_id"
        ),
    ),
    "a bucket missing": (
        "wallet-ledger",
        (
            "UPDATE view.wallet w SET issuers = issuers[2:], balances = balances[2:]"
            " WHERE wallet_id = (SELECT wallet_id FROM view.bucket LIMIT 1) RETURNING partition,"
            " (SELECT max(position) FROM log.event WHERE stream = w.wallet_id), wallet_id"
        ),
    ),
    "a version one lower": (
        "wallet-ledger",
        (
            "UPDATE view.wallet w SET version = version - 1 WHERE wallet_id ="
            " (SELECT wallet_id FROM view.wallet LIMIT 1) RETURNING partition,"
            " (SELECT max(position) FROM log.event WHERE stream = w.wallet_id), wallet_id"
        ),
    ),
    "a wallet missing": (
        "wallet-ledger",
        (
            "DELETE FROM view.wallet w WHERE wallet_id ="
            " (SELECT wallet_id FROM view.wallet LIMIT 1) RETURNING partition,"
            " (SELECT max(position) FROM log.event WHERE stream = w.wallet_id), wallet_id"
        ),
    ),
    "a wallet of no event": (
        "wallet-ledger",
        (
            "INSERT INTO view.wallet VALUES (3, 'invented', 1, '{kantin}', '{1}')"
            " RETURNING partition, NULL::int, wallet_id"
        ),
    ),
}

SETTLED = {
    "an entry missing": (
        "DELETE FROM view.entry WHERE (partition, position) ="
        " (SELECT partition, position FROM view.entry LIMIT 1)"
        " RETURNING partition, position, member_id"
    ),
    "an entry doubled": (
        "INSERT INTO view.entry SELECT partition, position, 9, recorded_at, event_id, kind,"
        " member_id, card_number, store_id, cashier_id, saved, paid, balance FROM view.entry"
        " LIMIT 1 RETURNING partition, position, member_id"
    ),
    "a balance in an entry changed": (
        "UPDATE view.entry SET balance = balance + 1 WHERE (partition, position) ="
        " (SELECT partition, position FROM view.entry LIMIT 1)"
        " RETURNING partition, position, member_id"
    ),
    "an allocation moved to another debtor": (
        "UPDATE view.obligation o SET debtor = 'elsewhere' WHERE (partition, position, ordinal) ="
        " (SELECT partition, position, ordinal FROM view.obligation LIMIT 1)"
        " RETURNING partition, position, (SELECT member_id FROM view.entry e"
        " WHERE (e.partition, e.position) = (o.partition, o.position))"
    ),
    "an obligation missing": (
        "DELETE FROM view.obligation o WHERE (partition, position, ordinal) ="
        " (SELECT partition, position, ordinal FROM view.obligation LIMIT 1)"
        " RETURNING partition, position, (SELECT member_id FROM view.entry e"
        " WHERE (e.partition, e.position) = (o.partition, o.position))"
    ),
    "an obligation doubled": (
        "INSERT INTO view.obligation AS o SELECT partition, position, 9, recorded_at, event_id,"
        " debtor, creditor, card_number, amount FROM view.obligation LIMIT 1"
        " RETURNING partition, position, (SELECT member_id FROM view.entry e"
        " WHERE (e.partition, e.position) = (o.partition, o.position))"
    ),
    "a movement of no event": (
        "INSERT INTO view.movement SELECT partition, position + 1000000, ordinal, recorded_at,"
        " store_id, receivable, liability, issued FROM view.movement LIMIT 1"
        " RETURNING partition, position, store_id"
    ),
    "a total one higher": (
        "UPDATE view.total SET issued = issued + 1 WHERE (partition, store_id) ="
        " (SELECT partition, store_id FROM view.total LIMIT 1)"
        " RETURNING partition, position, store_id"
    ),
    "a total missing": (
        "DELETE FROM view.total WHERE (partition, store_id) ="
        " (SELECT partition, store_id FROM view.total LIMIT 1)"
        " RETURNING partition, position, store_id"
    ),
    "a store missing": (
        "DELETE FROM view.store WHERE store_id = 'kantin' RETURNING partition, position, store_id"
    ),
}

MOVE = """
UPDATE view.movement SET issued = issued + $1, receivable = receivable + $2,
    liability = liability + $3
WHERE (partition, position, ordinal) =
    (SELECT partition, position, ordinal FROM view.movement LIMIT 1)
RETURNING partition, position, store_id
"""

FAULTS = OWN_LOG | {
    f"{name} at settlement": ("settlement", statement) for name, statement in SETTLED.items()
}


def untold(_done: int, _total: int) -> None:
    """Take no notice of progress."""


def viewed(piece: Piece, service: str) -> Piece | None:
    """Return a piece that looks at views of `service`, the ledger's without its topic."""
    match piece.item:
        case LedgerPart() as part if service == "wallet-ledger":
            return replace(piece, item=replace(part, topic=None, settled=None))
        case LedgerPart() as part if service == "settlement":
            return replace(piece, item=replace(part, topic=None))
        case SettledRest() if service == "settlement":
            return piece
        case LogPart(service=owner) if service in {owner, "wallet-ledger"}:
            return piece if owner != "settlement" else None
        case _:
            return None


async def found_in(run: LiveRun, service: str) -> set[Where]:
    async with all_pieces(run, await heads(run)) as pieces:
        chosen = [found for piece in pieces if (found := viewed(piece, service))]
        found = [one async for one in checked(chosen, untold) if isinstance(one, Finding)]
        return {Where.of(finding) for finding in found}


async def planted(connection: asyncpg.Connection, service: str, statement: str) -> Where:
    rows = await connection.fetch(statement)
    assert len(rows) == 1
    partition, position, stream = rows[0].values()
    return Where(7, service, partition, position, stream)


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_in_a_view_is_named(originals: LiveRun, fault: str) -> None:
    service, statement = FAULTS[fault]
    async with spoilt(originals, service) as (run, connection):
        where = await planted(connection, service, statement)
        found = await found_in(run, service)

    assert where in found


@pytest.mark.parametrize("service", ["identity", "catalog", "wallet-ledger", "settlement"])
async def test_nothing_is_found_in_untouched_views(originals: LiveRun, service: str) -> None:
    assert await found_in(originals, service) == set()


@pytest.mark.parametrize(
    ("statement", "owner"),
    [
        (
            (
                "UPDATE view.member SET auto_save_consent = NOT auto_save_consent WHERE wallet_id ="
                " (SELECT min(wallet_id) FROM view.member) RETURNING wallet_id"
            ),
            "identity",
        ),
        ("DELETE FROM view.store WHERE store_id = 'kantin' RETURNING store_id", "catalog"),
    ],
)
async def test_a_fault_in_what_the_ledger_knows_of_others_is_named(
    originals: LiveRun, statement: str, owner: str
) -> None:
    async with spoilt(originals, "wallet-ledger") as (run, connection):
        stream = await connection.fetchval(statement)
        found = await found_in(run, "wallet-ledger")
    at = await position_of(originals, owner, stream)

    assert found == {Where(7, "wallet-ledger", 0, at, stream)}


async def position_of(run: LiveRun, owner: str, stream: str) -> int:
    async with database(run, owner) as connection:
        return await connection.fetchval(
            "SELECT max(position) FROM log.event WHERE stream = $1", stream
        )


@pytest.mark.parametrize(("more", "invariant"), [((1, 0, 0), 3), ((0, 1, 0), 5), ((0, 0, 1), 5)])
async def test_a_movement_changed_shows_in_the_sums_of_its_store(
    originals: LiveRun, more: tuple[int, int, int], invariant: int
) -> None:
    async with spoilt(originals, "settlement") as (run, connection):
        moved = await connection.fetchrow(MOVE, *more)
        found = await found_in(run, "settlement")

    places = {(where.invariant, where.partition, where.position) for where in found}
    assert moved is not None
    assert (7, moved["partition"], moved["position"]) in places
    assert Where(invariant, "settlement", None, None, moved["store_id"]) in found

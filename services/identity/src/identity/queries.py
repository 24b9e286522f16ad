"""What is read: one SELECT each."""

from dataclasses import dataclass

import asyncpg

from identity.domain import StaffRole
from identity.store import Account

ACCOUNT = "SELECT username, role, subject, password_hash FROM private.account WHERE username = $1"
STORE_OF = "SELECT store_id FROM view.staff WHERE username = $1"

MEMBER_COLUMNS = """
SELECT m.member_id, a.username, p.name, p.address, p.identity_number, m.card_number,
    m.auto_save_consent
FROM view.member m
JOIN private.account a ON a.role = 'member' AND a.subject = m.member_id
JOIN private.person p USING (username)
"""
MEMBER = f"{MEMBER_COLUMNS} WHERE m.member_id = $1"
MEMBERS = f"{MEMBER_COLUMNS} WHERE m.member_id > $1 ORDER BY m.member_id LIMIT $2"
MEMBER_COUNT = "SELECT count(*) FROM view.member"

CARD_COLUMNS = "SELECT member_id, card_number, auto_save_consent FROM view.member"
CARD = f"{CARD_COLUMNS} WHERE card_number = $1"
CARDS = f"{CARD_COLUMNS} WHERE card_number = ANY ($1::text[])"
CARD_OF = f"{CARD_COLUMNS} WHERE member_id = $1"

STAFF_COLUMNS = """
SELECT s.username, p.name, s.store_id, p.email
FROM view.staff s JOIN private.person p USING (username) WHERE s.role = $1
"""
STAFF = f"{STAFF_COLUMNS} AND s.username = $2"
STAFF_LIST = f"{STAFF_COLUMNS} AND s.username > $2 ORDER BY s.username LIMIT $3"
STAFF_COUNT = "SELECT count(*) FROM view.staff WHERE role = $1"


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A member as an admin, or the member himself, sees him; the balance is the ledger's."""

    member_id: str
    username: str
    name: str
    address: str
    identity_number: str
    card_number: str
    auto_save_consent: bool


@dataclass(frozen=True, slots=True)
class CardRow:
    """A card and what the ledger needs of its member."""

    member_id: str
    card_number: str
    auto_save_consent: bool


@dataclass(frozen=True, slots=True)
class StaffRow:
    """A cashier or an operator, as an admin sees him."""

    username: str
    name: str
    store_id: str
    email: str | None


async def account(pool: asyncpg.Pool, username: str) -> Account | None:
    """Return the login `username`, or None."""
    row = await pool.fetchrow(ACCOUNT, username)
    return None if row is None else Account(*row.values())


async def store_of(pool: asyncpg.Pool, username: str) -> str | None:
    """Return the store that a cashier or operator works for now."""
    return await pool.fetchval(STORE_OF, username)


async def member(pool: asyncpg.Pool, member_id: str) -> MemberRow | None:
    """Return one member, or None."""
    row = await pool.fetchrow(MEMBER, member_id)
    return None if row is None else MemberRow(*row.values())


async def members(pool: asyncpg.Pool, after: str, limit: int) -> tuple[list[MemberRow], int]:
    """Return (at most `limit` members whose id follows `after`, by id; how many there are)."""
    rows = await pool.fetch(MEMBERS, after, limit)
    return [MemberRow(*row.values()) for row in rows], await pool.fetchval(MEMBER_COUNT)


async def card(pool: asyncpg.Pool, card_number: str) -> CardRow | None:
    """Return one card, or None."""
    row = await pool.fetchrow(CARD, card_number)
    return None if row is None else CardRow(*row.values())


async def cards(pool: asyncpg.Pool, numbers: list[str]) -> list[CardRow]:
    """Return those of the cards that there are."""
    return [CardRow(*row.values()) for row in await pool.fetch(CARDS, numbers)]


async def card_of(pool: asyncpg.Pool, member_id: str) -> CardRow | None:
    """Return the card of a member, or None."""
    row = await pool.fetchrow(CARD_OF, member_id)
    return None if row is None else CardRow(*row.values())


async def staff(pool: asyncpg.Pool, role: StaffRole, username: str) -> StaffRow | None:
    """Return one cashier or operator, or None."""
    row = await pool.fetchrow(STAFF, role, username)
    return None if row is None else StaffRow(*row.values())


async def staff_list(
    pool: asyncpg.Pool, role: StaffRole, after: str, limit: int
) -> tuple[list[StaffRow], int]:
    """Return (at most `limit` whose user name follows `after`, by name; how many there are)."""
    rows = await pool.fetch(STAFF_LIST, role, after, limit)
    return [StaffRow(*row.values()) for row in rows], await pool.fetchval(STAFF_COUNT, role)

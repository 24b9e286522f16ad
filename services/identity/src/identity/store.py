"""Identity's own writes: accounts and people (schema private), and the state to decide on."""

from dataclasses import dataclass

from events.log import Connection
from identity.domain import Member, Staff, StaffRole

# One name at a time: of two writers of one card or user name the second sees the first one's row.
LOCK_NAME = "SELECT pg_advisory_xact_lock(hashtextextended($1, 1))"

CARD_EXISTS = "SELECT EXISTS (SELECT FROM view.member WHERE card_number = $1)"
USERNAME_EXISTS = "SELECT EXISTS (SELECT FROM private.account WHERE username = $1)"

ADD_ACCOUNT = """
INSERT INTO private.account (username, role, subject, password_hash) VALUES ($1, $2, $3, $4)
"""
ADD_PERSON = """
INSERT INTO private.person (username, name, address, identity_number, email)
VALUES ($1, $2, $3, $4, $5)
"""
CHANGE_PERSON = """
UPDATE private.person SET name = $2, address = $3, identity_number = $4, email = $5
WHERE username = $1
"""
REPLACE_HASH = "UPDATE private.account SET password_hash = $2 WHERE username = $1"

# The person's row is locked first: changes of one person follow each other.
LOCK_PERSON = """
SELECT p.username, p.name, p.address, p.identity_number, p.email
FROM private.person p JOIN private.account a USING (username)
WHERE a.role = $1 AND a.subject = $2 FOR UPDATE OF p
"""
MEMBER = "SELECT version, card_number, auto_save_consent FROM view.member WHERE member_id = $1"
STAFF = "SELECT version, store_id FROM view.staff WHERE username = $1 AND role = $2"


@dataclass(frozen=True, slots=True)
class Account:
    """A login: what it may do, and whose it is (`subject` is the token's `sub`)."""

    username: str
    role: str
    subject: str
    password_hash: str


@dataclass(frozen=True, slots=True)
class Person:
    """Who somebody is, known to this service alone."""

    username: str
    name: str
    address: str | None = None
    identity_number: str | None = None
    email: str | None = None


async def card_is_taken(connection: Connection, card_number: str) -> bool:
    """Tell whether a card exists; nobody else can make it before this transaction ends."""
    await connection.execute(LOCK_NAME, f"card/{card_number}")
    return bool(await connection.fetchval(CARD_EXISTS, card_number))


async def username_is_taken(connection: Connection, username: str) -> bool:
    """Tell whether a user name exists; nobody else can make it before this transaction ends."""
    await connection.execute(LOCK_NAME, f"user/{username}")
    return bool(await connection.fetchval(USERNAME_EXISTS, username))


async def add(connection: Connection, account: Account, person: Person) -> None:
    """Write a new login and whose it is."""
    await connection.execute(
        ADD_ACCOUNT, account.username, account.role, account.subject, account.password_hash
    )
    await connection.execute(ADD_PERSON, *_columns(person))


async def change_person(connection: Connection, person: Person) -> None:
    """Write what is known of a person."""
    await connection.execute(CHANGE_PERSON, *_columns(person))


async def change_password(connection: Connection, username: str, password_hash: str) -> None:
    """Give an account another password."""
    await connection.execute(REPLACE_HASH, username, password_hash)


async def lock_person(connection: Connection, role: str, subject: str) -> Person | None:
    """Return the person behind (role, subject), whom nobody else changes meanwhile, or None."""
    row = await connection.fetchrow(LOCK_PERSON, role, subject)
    return None if row is None else Person(*row.values())


async def member(connection: Connection, member_id: str) -> tuple[Member, int] | None:
    """Return a member and the version of his stream, or None."""
    row = await connection.fetchrow(MEMBER, member_id)
    if row is None:
        return None
    return Member(member_id, row["card_number"], row["auto_save_consent"]), row["version"]


async def staff(connection: Connection, role: StaffRole, username: str) -> tuple[Staff, int] | None:
    """Return a cashier or operator and the version of the stream, or None."""
    row = await connection.fetchrow(STAFF, username, role)
    return None if row is None else (Staff(role, username, row["store_id"]), row["version"])


def _columns(person: Person) -> tuple[str | None, ...]:
    return (
        person.username,
        person.name,
        person.address,
        person.identity_number,
        person.email,
    )

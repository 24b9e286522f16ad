"""Logins: a short access token, and a refresh token that works once."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid4

from events.log import Connection
from identity import queries, store
from identity.resources import Resources
from identity.store import Account
from web.problems import Problem

REFRESH_BYTES: Final = 32

ADD = """
INSERT INTO private.refresh_token (token_hash, family, username, expires_at)
VALUES ($1, $2, $3, clock_timestamp() + $4)
"""
USE = """
UPDATE private.refresh_token SET used_at = clock_timestamp()
WHERE token_hash = $1 AND used_at IS NULL AND expires_at > clock_timestamp()
RETURNING family, username
"""
REVOKE_FAMILY = """
DELETE FROM private.refresh_token
WHERE family = (SELECT family FROM private.refresh_token WHERE token_hash = $1)
"""
REVOKE_ACCOUNT = "DELETE FROM private.refresh_token WHERE username = $1"
FORGET_EXPIRED = "DELETE FROM private.refresh_token WHERE expires_at < clock_timestamp()"

WRONG: Final = "User ID atau password salah"
WRONG_IN_ENGLISH: Final = "Wrong user ID or password"


@dataclass(frozen=True, slots=True)
class Session:
    """What a login is answered with."""

    access_token: str
    refresh_token: str
    role: str


async def login(
    resources: Resources, username: str, password: str, *, address: str, english: bool
) -> Session:
    """Begin a session. Raises Problem 401 (the same for an unknown user), 429 or 503."""
    account = await authenticate(resources, username, password, address=address, english=english)
    async with resources.pool.acquire() as connection:
        await connection.execute(FORGET_EXPIRED)
        token = await _add_token(resources, connection, account.username, uuid4())
    return await _session(resources, account, token)


async def authenticate(
    resources: Resources, username: str, password: str, *, address: str, english: bool
) -> Account:
    """Return the account that has this password. Raises Problem 401, 429 or 503."""
    await resources.attempts.check(username, address)
    account = await queries.account(resources.pool, username)
    known = None if account is None else account.password_hash
    right = await resources.passwords.verify(known, password)
    # Again: of many guesses sent at once, those beyond the limit learn nothing.
    await resources.attempts.check(username, address)
    if account is None or not right:
        await resources.attempts.failed(username, address)
        raise Problem("wrong-credentials", WRONG_IN_ENGLISH if english else WRONG)
    return account


async def refresh(resources: Resources, refresh_token: str) -> Session:
    """Go on with a session under a new refresh token.

    Raises Problem 401; a token that was used before ends its whole family: one of the two who
    presented it is a thief.
    """
    digest = _digest(refresh_token)
    async with resources.pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(USE, digest)
        if row is None:
            await connection.execute(REVOKE_FAMILY, digest)
            token = None
        else:
            token = await _add_token(resources, connection, row["username"], row["family"])
    if row is None or token is None:
        raise Problem("wrong-credentials", "The refresh token is not valid (any more)")
    account = await queries.account(resources.pool, row["username"])
    assert account is not None  # the token's row refers to it, and accounts are never deleted
    return await _session(resources, account, token)


async def logout(resources: Resources, refresh_token: str) -> None:
    """End the session of a refresh token, if there is one."""
    await resources.pool.execute(REVOKE_FAMILY, _digest(refresh_token))


async def change_password(resources: Resources, username: str, new_password: str) -> None:
    """Give an account another password and end all of its sessions."""
    password_hash = await resources.passwords.hash(new_password)
    async with resources.pool.acquire() as connection, connection.transaction():
        await store.change_password(connection, username, password_hash)
        await end_all(connection, username)


async def end_all(connection: Connection, username: str) -> None:
    """End every session of an account; access tokens run out by themselves."""
    await connection.execute(REVOKE_ACCOUNT, username)


async def _add_token(
    resources: Resources, connection: Connection, username: str, family: UUID
) -> str:
    token = secrets.token_urlsafe(REFRESH_BYTES)
    lifetime = timedelta(seconds=resources.settings.refresh_token_seconds)
    await connection.execute(ADD, _digest(token), family, username, lifetime)
    return token


async def _session(resources: Resources, account: Account, refresh_token: str) -> Session:
    """Sign what the account is now: a cashier who moved gets the new store."""
    is_member = account.role == "member"
    works_for = None
    if account.role in ("cashier", "operator"):
        works_for = await queries.store_of(resources.pool, account.username)
    access_token = await resources.signer.sign(
        account.role,
        account.subject,
        username=account.username,
        store_id=works_for,
        member_id=account.subject if is_member else None,
    )
    return Session(access_token, refresh_token, account.role)


def _digest(refresh_token: str) -> bytes:
    """Return what is stored of a token: who reads the table cannot use it."""
    return hashlib.sha256(refresh_token.encode()).digest()

"""What the operators' command and the launcher ask of identity: users, a rebuild, an export."""

from collections.abc import AsyncGenerator, Callable
from typing import Final

import asyncpg

from events import log
from events.connecting import connected
from events.envelope import open_envelope
from events.views import in_transaction, make_again
from identity import store
from identity.config import MIGRATIONS, PARTITION
from identity.passwords import hash_password
from identity.projections import At, clear, project
from identity.store import Account, Person

Progress = Callable[[int, int], None]
"""Told (events applied, events in the log)."""

VIEW_SQL: Final = MIGRATIONS / "0003_views.sql"

# Takes a share lock on the counter: appends wait for the rebuild, and it for those under way.
LOCK_LOG: Final = "SELECT position FROM log.place_at(NULL) WHERE partition = $1"

SOMEBODY: Final = "SELECT username FROM private.account WHERE role = $1 ORDER BY username LIMIT 1"

ROLE_OF: Final = "SELECT role FROM private.account WHERE username = $1"

# One line per row, in the order of the key: equal views give equal lines.
EXPORTS: Final = (
    "SELECT 'member ' || row_to_json(m) FROM view.member m ORDER BY member_id",
    "SELECT 'staff ' || row_to_json(s) FROM view.staff s ORDER BY username",
)


async def ensure_user(dsn: str, *, username: str, password: str, role: str) -> None:
    """Have a user who may log in; one who exists keeps his password.

    Raises ValueError if the user name is somebody's of another role.
    """
    async with connected(dsn) as connection, connection.transaction():
        if await store.username_is_taken(connection, username):
            known = await connection.fetchval(ROLE_OF, username)
            if known != role:
                raise ValueError(f"{username} exists with the role {known}, not {role}")
            return
        account = Account(username, role, username, hash_password(password))
        await store.add(connection, account, Person(username, username))


class AlreadyThere(Exception):
    """Somebody has this role, or this user name, already."""


async def bootstrap_user(
    dsn: str, username: str, password: str, role: str, *, another: bool
) -> None:
    """Make a user of the operator's own (admin, finance, auditor, channel), who may log in.

    Raises AlreadyThere if the user name is taken, or, unless `another` is wanted, if anybody has
    the role: of two who try at once, one is refused.
    """
    hashed = hash_password(password)
    async with connected(dsn) as connection, connection.transaction():
        await connection.execute(store.LOCK_NAME, f"role/{role}")
        known = await connection.fetchval(SOMEBODY, role)
        if known is not None and not another:
            raise AlreadyThere(f"{known} has the role {role} already")
        if await store.username_is_taken(connection, username):
            raise AlreadyThere(f"there is a user {username} already")
        account = Account(username, role, username, hashed)
        await store.add(connection, account, Person(username, username))


async def rebuild(dsn: str, progress: Progress) -> None:
    """Empty the views and fill them again from the log, in one transaction.

    Readers see the old rows until the commit; writers wait. Views that were dropped are made
    again, for which `dsn` must name the owner, or a superuser.
    """
    async with connected(dsn) as connection:
        await in_transaction(connection, lambda: _refill(connection, progress))


async def _refill(connection: asyncpg.Connection, progress: Progress) -> None:
    end = int(await connection.fetchval(LOCK_LOG, PARTITION))
    await make_again(connection, "identity", ["member", "staff"], [VIEW_SQL])
    await clear(connection)
    done = 0
    progress(done, end)
    while done < end:
        for event in await log.read(connection, PARTITION, done):
            envelope = open_envelope(event.body)
            at = At(event.version, PARTITION, event.position, event.recorded_at)
            await project(connection, envelope.data, at)
            done = event.position
        progress(done, end)


async def export(dsn: str) -> AsyncGenerator[str]:
    """Yield every row of every view as one line, in one snapshot."""
    async with (
        connected(dsn) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        for query in EXPORTS:
            async for row in connection.cursor(query, prefetch=1_000):
                yield row[0]

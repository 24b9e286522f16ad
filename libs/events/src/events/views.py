"""Views that were dropped, made again: a schema `view` can always be lost, the log cannot."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import asyncpg

from events.log import Connection
from events.place import Place
from events.topics import Topic

TRIES = 10

FOUND = """
SELECT count(*) FROM unnest($1::text[]) AS v (name) WHERE to_regclass('view.' || v.name) IS NOT NULL
"""

# The consumer locks its places before it writes to a view: so do we.
PLACE = """
DO $$
BEGIN
    IF to_regclass('view.place') IS NOT NULL THEN
        LOCK TABLE view.place IN ACCESS EXCLUSIVE MODE;
    END IF;
END
$$;
DROP SCHEMA IF EXISTS view CASCADE;
CREATE SCHEMA view;
CREATE TABLE view.place (
    topic text NOT NULL,
    partition smallint NOT NULL,
    position bigint NOT NULL DEFAULT 0 CHECK (position >= 0),
    kafka_offset bigint NOT NULL DEFAULT 0,
    rebuild_until bigint NOT NULL DEFAULT 0,
    stopped text,
    PRIMARY KEY (topic, partition)
);
GRANT USAGE ON SCHEMA view TO {app};
GRANT SELECT, INSERT, UPDATE, DELETE ON view.place TO {app};
"""

MAKE_PLACE = "INSERT INTO view.place (topic, partition, rebuild_until) VALUES ($1, $2, $3)"


async def in_transaction(connection: Connection, work: Callable[[], Awaitable[None]]) -> None:
    """Run `work` in a transaction; again if it met a writer that held what it needs."""
    for _ in range(TRIES - 1):
        try:
            async with connection.transaction():
                return await work()
        except asyncpg.DeadlockDetectedError:
            continue
    async with connection.transaction():
        return await work()


async def make_again(
    connection: Connection,
    role_prefix: str,
    names: Sequence[str],
    sql: Sequence[Path],
    consumes: Sequence[Topic] = (),
    until: Mapping[str, Place] | None = None,
) -> bool:
    """Make the schema `view` anew if one of the tables `names` is gone; return whether it was.

    `role_prefix` names the service's roles (`wallet_ledger`), `sql` the migrations that make its
    views. Of the topics that it consumes, readers must wait for the places `until` (by topic):
    where the view was is lost with it. The connection's role must own the database, or be a
    superuser. Run it in the transaction that fills the views again.
    """
    if await connection.fetchval(FOUND, [*names, "place"]) == len(names) + 1:
        return False
    await connection.execute(f"SET LOCAL ROLE {role_prefix}_owner")
    await connection.execute(PLACE.replace("{app}", f"{role_prefix}_app"))
    for path in sql:
        await connection.execute(path.read_text(encoding="utf-8"))
    await connection.execute("RESET ROLE")
    for topic in consumes:
        place = (until or {}).get(topic.name, Place(()))
        rows = [(topic.name, p, place.at(p)) for p in range(topic.partitions)]
        await connection.executemany(MAKE_PLACE, rows)
    return True

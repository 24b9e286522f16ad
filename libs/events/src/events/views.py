"""Views that were dropped, made again: a schema `view` can always be lost, the log cannot."""

from collections.abc import Sequence
from pathlib import Path

from events.log import Connection

FOUND = """
SELECT count(*) FROM unnest($1::text[]) AS v (name) WHERE to_regclass('view.' || v.name) IS NOT NULL
"""

PLACE = """
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


async def make_again(
    connection: Connection, role_prefix: str, names: Sequence[str], sql: Sequence[Path]
) -> bool:
    """Make the schema `view` anew if one of the tables `names` is gone; return whether it was.

    `role_prefix` names the service's roles (`wallet_ledger`), `sql` the migrations that make its
    views. The connection's role must own the database, or be a superuser. Run it in the
    transaction that fills the views again.
    """
    if await connection.fetchval(FOUND, [*names, "place"]) == len(names) + 1:
        return False
    await connection.execute(f"SET LOCAL ROLE {role_prefix}_owner")
    await connection.execute(PLACE.replace("{app}", f"{role_prefix}_app"))
    for path in sql:
        await connection.execute(path.read_text(encoding="utf-8"))
    await connection.execute("RESET ROLE")
    return True

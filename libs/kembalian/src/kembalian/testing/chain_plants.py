"""Faults of the ledger's log as a log: order, links, bytes, kept answers; each says what is due."""

import json
from typing import Any

import asyncpg

from kembalian.testing.plants import LEDGER, Where, change_body, inside

FORGET_ANSWER = """
DELETE FROM log.outcome
WHERE status = 201 AND convert_from(answer, 'UTF8')::jsonb ->> 'event_id' = $1
"""
DOUBLE_ANSWER = """
INSERT INTO log.outcome
SELECT caller, key || '-2', fingerprint, status, answer FROM log.outcome
WHERE status = 201 AND convert_from(answer, 'UTF8')::jsonb ->> 'event_id' = $1
"""

TELL_ANOTHER_PLACE = """
UPDATE log.outcome SET answer = replace(convert_from(answer, 'UTF8'), $2, $3)::bytea
WHERE status = 201 AND convert_from(answer, 'UTF8')::jsonb ->> 'event_id' = $1
"""


async def an_answer_without_its_event(connection: asyncpg.Connection) -> Where:
    """Keep a success of which the log knows nothing (8)."""
    answer = {"event_id": "01990000-0000-7000-8000-000000000000", "ledger_position": "3-999"}
    await connection.execute(
        "INSERT INTO log.outcome VALUES ('cashier:x', 'k', '', 201, $1)",
        json.dumps(answer).encode(),
    )
    return Where(8, LEDGER, 3, 999, None)


async def an_event_without_its_answer(connection: asyncpg.Connection) -> Where:
    """Lose the kept answer of an event (8)."""
    event = await inside(connection, "TopUp")
    event_id = json.loads(event["body"])["id"]
    done = await connection.execute(FORGET_ANSWER, event_id)
    assert done == "DELETE 1"
    return Where(8, LEDGER, event["partition"], event["position"], event["stream"])


async def two_answers_for_one_event(connection: asyncpg.Connection) -> Where:
    """Keep the same success under a second key (8)."""
    event = await inside(connection, "TopUp")
    event_id = json.loads(event["body"])["id"]
    done = await connection.execute(DOUBLE_ANSWER, event_id)
    assert done == "INSERT 0 1"
    return Where(8, LEDGER, event["partition"], event["position"], event["stream"])


async def a_place_told_wrongly(connection: asyncpg.Connection) -> Where:
    """Let an answer, written as all are, name a place with one digit more than its event's (8)."""
    event = await inside(connection, "TopUp")
    event_id = json.loads(event["body"])["id"]
    place = f'"{event["partition"]}-{event["position"]}"'
    other = f'"{event["partition"]}-{event["position"]}0"'
    done = await connection.execute(TELL_ANOTHER_PLACE, event_id, place, other)
    assert done == "UPDATE 1"
    return Where(8, LEDGER, event["partition"], event["position"], event["stream"])


async def a_hole_in_the_positions(connection: asyncpg.Connection) -> Where:
    """Delete an event amid others (9)."""
    event = await inside(connection, "TopUp")
    await connection.execute(
        "DELETE FROM log.event WHERE partition = $1 AND position = $2",
        event["partition"],
        event["position"],
    )
    return Where(9, LEDGER, event["partition"], event["position"], None)


async def a_hole_in_the_versions(connection: asyncpg.Connection) -> Where:
    """Let a stream skip a version (9)."""
    row = await connection.fetchrow(
        "UPDATE log.event e SET version = version + 1 WHERE (partition, position) ="
        " (SELECT partition, max(position) FROM log.event GROUP BY 1 ORDER BY 1 LIMIT 1)"
        " RETURNING partition, position, stream"
    )
    assert row is not None
    return Where(9, LEDGER, row[0], row[1], row[2])


async def the_last_event_deleted(connection: asyncpg.Connection) -> Where:
    """Delete the newest event, not its link (9)."""
    row = await connection.fetchrow(
        "DELETE FROM log.event WHERE (partition, position) ="
        " (SELECT partition, max(position) FROM log.event GROUP BY 1 ORDER BY 1 LIMIT 1)"
        " RETURNING partition, position"
    )
    assert row is not None
    return Where(9, LEDGER, row[0], row[1], None)


async def a_tail_cut_off_with_its_links(connection: asyncpg.Connection) -> Where:
    """Cut the log so that counter, links and events agree: Kafka and the kept answers know."""
    cut = await connection.fetchrow(
        "SELECT partition, max(first_position) AS first FROM log.link GROUP BY 1"
        " HAVING count(*) > 1 ORDER BY 1 LIMIT 1"
    )
    assert cut is not None
    where = tuple(cut.values())
    await connection.execute(
        "DELETE FROM log.event WHERE partition = $1 AND position >= $2", *where
    )
    await connection.execute(
        "DELETE FROM log.link WHERE partition = $1 AND first_position >= $2", *where
    )
    await connection.execute(
        "UPDATE log.counter SET position = $2 - 1, link = (SELECT link FROM log.link"
        " WHERE partition = $1 ORDER BY first_position DESC LIMIT 1) WHERE partition = $1",
        *where,
    )
    return Where(10, LEDGER, cut["partition"], cut["first"], None)


async def a_changed_body(connection: asyncpg.Connection) -> Where:
    """Change what an event says (9: the Merkle root of its link)."""
    event = await inside(connection, "TopUp")

    def change(data: dict[str, Any]) -> None:
        data["cashier_id"] += "x"

    await change_body(connection, event, change, chained=False)
    first = await connection.fetchval(
        "SELECT max(first_position) FROM log.link WHERE partition = $1 AND first_position <= $2",
        event["partition"],
        event["position"],
    )
    return Where(9, LEDGER, event["partition"], first, None)


async def a_changed_body_that_kafka_knows_better(connection: asyncpg.Connection) -> Where:
    """Change what an event says and all links: the topic tells (10)."""
    event = await inside(connection, "TopUp")

    def change(data: dict[str, Any]) -> None:
        data["cashier_id"] += "x"

    await change_body(connection, event, change, chained=True)
    return Where(10, LEDGER, event["partition"], event["position"], event["stream"])


async def a_body_that_nobody_can_read(connection: asyncpg.Connection) -> Where:
    """Let a body be no event at all (9)."""
    event = await inside(connection, "TopUp")
    await connection.execute(
        "UPDATE log.event SET body = 'x' WHERE partition = $1 AND position = $2",
        event["partition"],
        event["position"],
    )
    return Where(9, LEDGER, event["partition"], event["position"], event["stream"])


async def a_changed_link(connection: asyncpg.Connection) -> Where:
    """Change a link (9)."""
    event = await inside(connection, "TopUp")
    row = await connection.fetchrow(
        "UPDATE log.link SET link = sha256('x') WHERE partition = $1 AND first_position ="
        " (SELECT max(first_position) FROM log.link WHERE partition = $1 AND first_position <= $2)"
        " RETURNING partition, first_position",
        event["partition"],
        event["position"],
    )
    assert row is not None
    return Where(9, LEDGER, row[0], row[1], None)


async def a_link_missing(connection: asyncpg.Connection) -> Where:
    """Delete the first link of a partition, not its events (9): the next one says so."""
    row = await connection.fetchrow(
        "DELETE FROM log.link l WHERE (partition, first_position) ="
        " (SELECT partition, min(first_position) FROM log.link GROUP BY 1 HAVING count(*) > 1"
        " ORDER BY 1 LIMIT 1) RETURNING partition, first_position + count"
    )
    assert row is not None
    return Where(9, LEDGER, row[0], row[1], None)


async def a_changed_time(connection: asyncpg.Connection) -> Where:
    """Move an event in time (9)."""
    event = await inside(connection, "TopUp")
    await connection.execute(
        "UPDATE log.event SET recorded_at = recorded_at + interval '1 us'"
        " WHERE partition = $1 AND position = $2",
        event["partition"],
        event["position"],
    )
    return Where(9, LEDGER, event["partition"], event["position"], event["stream"])

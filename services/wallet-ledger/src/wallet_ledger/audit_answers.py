"""Was everybody told of what happened, once, and of nothing else? Kept answers against events."""

from collections.abc import AsyncIterator

from events.finding import Finding
from events.log import Connection
from wallet_ledger.audit import SERVICE

# The same without a look into each answer's JSON: its first member is the event's id, its last the
# place, which is compared as it must be written. What is written otherwise is read as JSON. Every
# event has one pair if all pairs are right and there are as many as events.
ALL_IS_WELL = """
WITH told AS (
    SELECT convert_from(substr(answer, 14, 36), 'UTF8')::uuid AS event_id,
        substr(answer, position('"ledger_position":"'::bytea IN answer)) AS place,
        0 AS before_last
    FROM log.outcome
    WHERE status = 201 AND answer >= '{"event_id":"' AND answer < '{"event_id":#'
    UNION ALL
    SELECT id.value::uuid,
        convert_to('"ledger_position":"' || (answer ->> 'ledger_position') || '"}', 'UTF8'),
        coalesce(jsonb_array_length(answer -> 'event_ids'), 1) - id.n::int
    FROM (
        SELECT convert_from(answer, 'UTF8')::jsonb AS answer FROM log.outcome
        WHERE status = 201 AND (answer < '{"event_id":"' OR answer >= '{"event_id":#')
    ) AS said, jsonb_array_elements_text(
        coalesce(answer -> 'event_ids', jsonb_build_array(answer -> 'event_id'))
    ) WITH ORDINALITY AS id (value, n)
)
SELECT count(*) = (SELECT count(*) FROM log.event WHERE partition < 1000) AND count(*) FILTER (
    WHERE a.event_id IS NULL OR e.event_id IS NULL OR a.place IS DISTINCT FROM convert_to(
        '"ledger_position":"' || e.partition || '-' || (e.position + a.before_last) || '"}', 'UTF8'
    )
) = 0
FROM told a
FULL JOIN (SELECT * FROM log.event WHERE partition < 1000) AS e ON e.event_id = a.event_id
"""

ROOM = "SET LOCAL work_mem = '64MB'"
"""For the join of a million answers with their events, which would go over the disk."""

# An answer of several events names all of them, and the place of the last one.
ANSWERS = """
WITH said AS MATERIALIZED (
    SELECT key, convert_from(answer, 'UTF8')::jsonb AS answer FROM log.outcome WHERE status = 201
), told AS (
    SELECT key, (answer ->> 'event_id')::uuid AS event_id,
        answer ->> 'ledger_position' AS place, 0 AS before_last
    FROM said WHERE NOT answer ? 'event_ids'
    UNION ALL
    SELECT key, id.value::uuid, answer ->> 'ledger_position',
        jsonb_array_length(answer -> 'event_ids') - id.n::int
    FROM said, jsonb_array_elements_text(answer -> 'event_ids')
        WITH ORDINALITY AS id (value, n)
    WHERE answer ? 'event_ids'
), counted AS (
    SELECT event_id, count(*) AS times, min(place) AS place, min(before_last) AS before_last,
        min(key) AS key
    FROM told GROUP BY event_id
)
SELECT coalesce(e.partition, split_part(a.place, '-', 1)::smallint) AS partition,
    coalesce(e.position, split_part(a.place, '-', 2)::bigint) AS position,
    e.position IS NULL AS lost, e.stream, a.key, a.times, a.place
FROM counted a
FULL JOIN (SELECT * FROM log.event WHERE partition < 1000) AS e ON e.event_id = a.event_id
WHERE e.event_id IS NULL OR a.event_id IS NULL OR a.times <> 1
    OR a.place <> e.partition || '-' || (e.position + a.before_last)
"""


async def answers(connection: Connection) -> AsyncIterator[Finding]:
    """Yield the successes without an event, and the events that nobody, or two, were told of.

    Inside a transaction of the caller's.
    """
    await connection.execute(ROOM)
    if await connection.fetchval(ALL_IS_WELL):
        return
    async for row in connection.cursor(ANSWERS, prefetch=2_000):
        if row["lost"]:
            detail = f"key {row['key']} was answered 201, its event is not in the log"
        elif row["key"] is None:
            detail = "no kept answer names this event"
        elif row["times"] != 1:
            detail = f"{row['times']} kept answers name this event"
        else:
            detail = f"key {row['key']} was told position {row['place']}"
        yield Finding(8, SERVICE, row["partition"], row["position"], row["stream"], detail)

"""`kembalian status`: how far every log, topic and view is, and what waits for a person."""

import asyncio
from typing import Annotated, Any

from events import dead_letters
from events.topics import CHECKPOINTS
from kembalian.operators import checkpoints as signed
from kembalian.operators.live import LiveRun, read_run
from kembalian.operators.reading import (
    COULD_NOT_READ,
    consumed,
    database,
    heads,
    published,
    reached,
    size,
)
from kembalian.operators.services import OWNER_OF, SERVICES
from kembalian.operators.speaking import INTERRUPTED, JSON_OPTION, fail, say_json, say_table


def status(*, as_json: Annotated[bool, JSON_OPTION] = False) -> None:
    """Show logs, topics, consumers, lag and dead letters of the live system."""
    try:
        result = asyncio.run(look(read_run()))
    except COULD_NOT_READ as error:
        raise fail(str(error) or repr(error)) from error
    except KeyboardInterrupt as stop:
        raise fail(INTERRUPTED) from stop
    if as_json:
        say_json(result)
        return
    rows = [
        [line["service"], line["topic"], line["log"], line["published"], str(line["lag"])]
        for line in result["logs"]
    ]
    say_table("Logs and their topics", ["service", "topic", "log", "on Kafka", "lag"], rows, "")
    rows = [
        [line["service"], line["topic"], str(line["handled"]), str(line["lag"]), line["state"]]
        for line in result["consumers"]
    ]
    say_table("Consumers", ["service", "topic", "handled", "lag", "state"], rows, "")
    rows = [[line["service"], str(line["dead"]), str(line["parked"])] for line in result["letters"]]
    waiting = [row for row in rows if row[1:] != ["0", "0"]]
    say_table("Dead letters", ["service", "dead", "parked"], waiting, "No dead letters.")


async def look(run: LiveRun) -> dict[str, Any]:
    """Return {logs, consumers, letters}: places, lag in events, and what waits for a person."""
    at = await heads(run)
    logs: list[dict[str, Any]] = []
    consumers: list[dict[str, Any]] = []
    letters: list[dict[str, Any]] = []
    for name, service in SERVICES.items():
        there = await published(run, service.topic)
        logs.append(
            {
                "service": name,
                "topic": service.topic.name,
                "log": str(at[name]),
                "published": str(there),
                "lag": size(at[name]) - reached(there, at[name]),
            }
        )
        for place in await consumed(run, name):
            head = at[OWNER_OF[place.topic]].at(place.partition)
            state = place.stopped or ("rebuilding" if place.rebuilding else "running")
            where = f"{place.topic}/{place.partition}"
            consumers.append(
                {
                    "service": name,
                    "topic": where,
                    "handled": place.position,
                    "lag": max(0, head - place.position),  # it may have gone on meanwhile
                    "state": state,
                }
            )
        async with database(run, name) as connection:
            kept = [letter.state for letter in await dead_letters.list_all(connection)]
        letters.append(
            {"service": name, "dead": kept.count("dead"), "parked": kept.count("parked")}
        )
    head, there = await signed.head(run), await published(run, CHECKPOINTS)
    logs.append(
        {
            "service": signed.LEDGER,
            "topic": CHECKPOINTS.name,
            "log": str(head),
            "published": str(there),
            "lag": size(head) - reached(there, head),
        }
    )
    return {"logs": logs, "consumers": consumers, "letters": letters}

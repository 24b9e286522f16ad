"""Messages that nobody can handle: kept with all that follows them, until an operator decides."""

import asyncio
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import psycopg
import pytest
import rfc8785
from uuid_utils.compat import uuid7

from events import log
from events.contracts import PublicEvent, name_of
from events.contracts.catalog import StoreChanged, StoreRegistered
from events.envelope import Cause, seal
from events.log import NewEvent
from kembalian.testing.commands import kembalian
from kembalian.testing.faults import until_at_rest
from kembalian.testing.house import RunningHouse
from kembalian.testing.people import log_in, made

PATIENCE_SECONDS = 60.0
VERSION = "SELECT coalesce(max(version), 0) + 1 FROM log.event WHERE stream = $1"


def append(house: RunningHouse, stream: str, data: PublicEvent, kind: str | None = None) -> None:
    """Have the catalog say something; `kind` = under a type that no build of today knows."""

    async def appended() -> None:
        connection = await asyncpg.connect(house.live().postgres_admin["catalog"])
        try:
            version = await connection.fetchval(VERSION, stream)
            event_id = UUID(str(uuid7()))
            body = seal(
                data,
                source="catalog",
                event_id=event_id,
                stream=stream,
                version=version,
                time=datetime.now(UTC),
                cause=Cause("planted"),
            )
            if kind is not None:
                body = rfc8785.dumps({**json.loads(body), "type": kind})
            event = NewEvent(stream, version, kind or name_of(data), event_id, body)
            async with connection.transaction():
                await log.append(connection, 0, [event])
        finally:
            await connection.close()

    asyncio.run(appended())


def letters(house: RunningHouse) -> list[dict[str, Any]]:
    return json.loads(kembalian(house.home, "dead-letters", "list", "--json").stdout)


def until(
    house: RunningHouse, is_so: Callable[[list[dict[str, Any]]], bool]
) -> list[dict[str, Any]]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so(found := letters(house)):
        assert time.monotonic() < deadline, found
        time.sleep(0.2)
    return found


def states(found: list[dict[str, Any]], service: str) -> list[str]:
    return [letter["state"] for letter in found if letter["service"] == service]


@pytest.fixture(scope="module")
def poisoned(house: RunningHouse) -> RunningHouse:
    """A message of an unknown type about kantin, two that follow it, and one of another store."""
    change = StoreChanged(store_id="kantin", name="Kantin Baru", address="Gedung A")
    append(house, "kantin", change, kind="kembalian.catalog.StoreGilded.v1")
    append(house, "kantin", change)
    append(house, "kantin", change)
    other = StoreRegistered(
        store_id="toko-emas", name="Toko Emas", address="Gedung D", kind="store", state="active"
    )
    append(house, "toko-emas", other)
    until(house, lambda found: len(found) == 6)
    until_at_rest(house.live())
    return house


def test_a_message_of_an_unknown_type_is_kept_and_its_stream_waits(poisoned: RunningHouse) -> None:
    found = letters(poisoned)
    status = json.loads(kembalian(poisoned.home, "status", "--json").stdout)
    text = kembalian(poisoned.home, "dead-letters", "list")

    for service in ("wallet-ledger", "settlement"):
        assert states(found, service) == ["dead", "parked", "parked"]
    assert {letter["stream"] for letter in found} == {"kantin"}
    waiting = {line["service"]: (line["dead"], line["parked"]) for line in status["letters"]}
    assert waiting["settlement"] == waiting["wallet-ledger"] == (1, 2)
    assert {line["lag"] for line in status["consumers"]} == {0}, "others are not held up"
    assert text.returncode == 0
    assert text.stdout.count("kantin") == 6


def test_a_letter_is_shown_whole(poisoned: RunningHouse) -> None:
    letter = next(x for x in letters(poisoned) if x["state"] == "dead")
    words = ("dead-letters", "show", letter["service"], str(letter["id"]))

    assert json.loads(kembalian(poisoned.home, *words, "--json").stdout) == letter
    assert "StoreGilded" in letter["body"]
    assert "UnknownEventType" in letter["reason"]
    text = kembalian(poisoned.home, *words).stdout
    assert f"position: {letter['position']}\n" in text
    assert f"body: {letter['body']}\n" in text


def test_a_retry_fails_whole_while_nobody_knows_the_type(poisoned: RunningHouse) -> None:
    before = letters(poisoned)
    dead, parked, _ = (x for x in before if x["service"] == "settlement")

    again = kembalian(poisoned.home, "dead-letters", "retry", "settlement", str(dead["id"]))
    out_of_turn = kembalian(poisoned.home, "dead-letters", "retry", "settlement", str(parked["id"]))

    assert (again.returncode, out_of_turn.returncode) == (2, 2)
    assert "it failed again, and nothing was changed: UnknownEventType" in again.stderr
    assert f"letter {parked['id']} waits behind letter {dead['id']}" in out_of_turn.stderr
    assert letters(poisoned) == before


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("retry", "settlement", "999999"), "no dead letter 999999"),
        (("show", "wallet-ledger", "999999"), "no dead letter 999999"),
        (("discard", "settlement", "999999", "--yes"), "no dead letter 999999"),
        (("discard", "settlement", "1"), "Say --yes"),
        (("retry", "identity", "1"), "identity handles no messages"),
        (("discard", "catalog", "1", "--yes"), "catalog handles no messages"),
        (("show", "gateway", "1"), "there is no service gateway"),
        (("retry", "gateway", "1"), "gateway"),
    ],
)
def test_what_cannot_be_done_is_said(
    poisoned: RunningHouse, words: tuple[str, ...], reason: str
) -> None:
    done = kembalian(poisoned.home, "dead-letters", *words)

    assert (done.returncode, done.stdout) == (2, "")
    assert reason in done.stderr


def test_a_discarded_letter_is_left_out_for_ever_and_what_waited_is_handled(
    poisoned: RunningHouse,
) -> None:
    for service in ("wallet-ledger", "settlement"):
        dead = next(x for x in letters(poisoned) if x["service"] == service)
        words = ("dead-letters", "discard", service, str(dead["id"]), "--yes", "--json")
        done = kembalian(poisoned.home, *words)
        assert (done.returncode, json.loads(done.stdout)) == (0, {"handled": 2}), done.stderr

    rebuilt = kembalian(poisoned.home, "rebuild", "settlement", "--yes", "--json")
    result = json.loads(rebuilt.stdout)

    assert result["before"] == result["after"]
    for service in ("wallet-ledger", "settlement"):
        assert states(letters(poisoned), service) == ["discarded"]
    status = json.loads(kembalian(poisoned.home, "status", "--json").stdout)
    assert {(line["dead"], line["parked"]) for line in status["letters"]} == {(0, 0)}


def test_a_letter_is_handled_once_its_cause_is_mended(poisoned: RunningHouse) -> None:
    admin = log_in(poisoned, poisoned.demo()["admin"])
    dsn = poisoned.live().postgres_admin["settlement"]
    with psycopg.connect(dsn) as connection:
        connection.execute(
            "ALTER TABLE view.store ADD CONSTRAINT no_pearls CHECK (store_id <> 'p1')"
        )
    made(admin.post("/stores", {"store_id": "p1", "name": "Mutiara", "address": "Gedung E"}))
    found = until(poisoned, lambda found: "dead" in states(found, "settlement"))
    dead = next(x for x in found if x["state"] == "dead")
    with psycopg.connect(dsn) as connection:
        connection.execute("ALTER TABLE view.store DROP CONSTRAINT no_pearls")

    done = kembalian(poisoned.home, "dead-letters", "retry", "settlement", str(dead["id"]))

    assert (done.returncode, done.stdout) == (0, "1 messages handled.\n"), done.stderr
    shown = admin.get("/settlement/positions", limit=200).json()["items"]
    assert "p1" in [item["store_id"] for item in shown]
    assert "dead" not in states(letters(poisoned), "settlement")

"""A topic that does not hold what its log holds: `verify` names the place."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from events.log import RecordedEvent
from events.topics import CATALOG, IDENTITY, WALLET, Topic
from kembalian.operators import reading
from kembalian.operators.live import LiveRun
from kembalian.operators.reading import heads
from kembalian.operators.verify import run_verify
from kembalian.testing.plants import Where
from kembalian.testing.refill import refilled


async def findings(run: LiveRun) -> tuple[set[Where], dict[str, int]]:
    report = await run_verify(run, lambda _step: lambda _done, _total: None)
    return {Where.of(finding) for finding in report.findings}, report.lag


async def test_what_differs_on_the_topics_is_named(
    originals: LiveRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PATIENCE_SECONDS", 0.3)
    at = (await heads(originals))["wallet-ledger"]
    bytes_in, key_in, hole_in, short_in, *_ = (p for p, last in at.positions if last > 3)
    streams: dict[int, str] = {}

    def alter(topic: Topic, event: RecordedEvent) -> Sequence[RecordedEvent]:
        if topic != WALLET or event.position != 2:
            cut = topic == WALLET and event.partition == short_in and event.position > 2
            return [] if cut else [event]
        streams[event.partition] = event.stream
        if event.partition == bytes_in:
            return [event._replace(body=event.body.replace(b'"1.0"', b'"1.1"'))]
        if event.partition == key_in:
            streams[event.partition] = "another"
            return [event._replace(stream="another")]
        return [] if event.partition == hole_in else [event]

    async with refilled(originals, tmp_path, alter) as run:
        found, lag = await findings(run)

    assert found == {
        Where(10, "wallet-ledger", bytes_in, 2, streams[bytes_in]),
        Where(10, "wallet-ledger", key_in, 2, "another"),
        Where(10, "wallet-ledger", hole_in, 2, None),
    }
    missing = at.at(hole_in) - 1 + at.at(short_in) - 2
    assert lag["wallet-ledger to Kafka"] == missing, "what is not there yet is lag, no finding"


async def test_a_message_that_was_sent_twice_is_no_fault(
    originals: LiveRun, tmp_path: Path
) -> None:
    def twice(topic: Topic, event: RecordedEvent) -> Sequence[RecordedEvent]:
        return [event, event] if topic in {IDENTITY, CATALOG, WALLET} else [event]

    async with refilled(originals, tmp_path, twice) as run:
        assert await findings(run) == (set(), {})


async def test_what_the_topic_holds_beyond_its_log_is_named(
    originals: LiveRun, tmp_path: Path
) -> None:
    last = (await heads(originals))["catalog"].at(0)

    def longer(topic: Topic, event: RecordedEvent) -> Sequence[RecordedEvent]:
        if topic == CATALOG and event.position == last:
            return [event, event._replace(position=last + 1)]
        return [event]

    async with refilled(originals, tmp_path, longer) as run:
        found, _ = await findings(run)

    assert found == {Where(10, "catalog", 0, last + 1, None)}

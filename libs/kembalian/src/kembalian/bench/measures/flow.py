"""From the ledger to its readers: relay, settlement's projection, freshness and latency."""

import asyncio
import os
import signal
import time
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from events.place import Place
from events.topics import WALLET
from kembalian.bench.bench import Bench
from kembalian.bench.driving import aimed, drive
from kembalian.bench.figures import latencies_ms, spread
from kembalian.bench.rows import Row
from kembalian.bench.town import give_money
from kembalian.operators.live import LiveRun
from kembalian.operators.reading import consumed, database, heads, place_in, published, reached

BACKLOG_MAX = 100_000
PATIENCE_SECONDS = 120.0
OPEN_CONNECTIONS = 256
LOOK_SECONDS = 0.002
CATCH_UP_SECONDS = 5.0

PLACES = "SELECT partition, position FROM view.place WHERE topic = $1"


async def flow(bench: Bench) -> list[Row]:
    """Let a backlog grow while relay and projection stand still, then let go of each in turn."""
    run, wanted = bench.run, bench.town.member_ids[:BACKLOG_MAX]
    before = (await heads(run))["wallet-ledger"]
    pids = [run.pids[name] for name in ("wallet-ledger", "settlement")]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        await give_money(run, bench.town, wanted, f"flow-{time.time_ns()}", bench.say)
        want = (await heads(run))["wallet-ledger"]
        os.kill(pids[0], signal.SIGCONT)
        relay = await _rate(lambda: published(run, WALLET), before, want)
        os.kill(pids[1], signal.SIGCONT)
        projection = await _rate(lambda: _settled(run), before, want)
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
    return [
        Row("relay to Kafka", relay, "events/s", target=15_000),
        Row("settlement's projection", projection, "events/s", target=15_000),
    ]


async def _settled(run: LiveRun) -> Place:
    return place_in(await consumed(run, "settlement"), WALLET)


async def _rate(measure: Callable[[], Awaitable[Place]], before: Place, want: Place) -> float:
    """Return events per second until `want` is reached from `before`. Raises TimeoutError."""
    count = reached(want, want) - reached(before, want)
    began = time.monotonic()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (await measure()).reaches(want):
            await asyncio.sleep(0.05)
    return count / (time.monotonic() - began)


@dataclass(slots=True)
class Sightings:
    """When settlement was first seen at which position, per partition; both ascend."""

    times: dict[int, list[float]] = field(default_factory=dict[int, list[float]])
    positions: dict[int, list[int]] = field(default_factory=dict[int, list[int]])

    def see(self, at: float, partition: int, position: int) -> None:
        """Note a position, if it is news."""
        known = self.positions.setdefault(partition, [])
        if not known or position > known[-1]:
            known.append(position)
            self.times.setdefault(partition, []).append(at)

    def first_at(self, partition: int, position: int) -> float | None:
        """Return when `position` was first seen to be there, None if never."""
        known = self.positions.get(partition, [])
        at = bisect_left(known, position)
        return self.times[partition][at] if at < len(known) else None


def delays(
    acknowledged: Sequence[tuple[float, str]], sightings: Sightings
) -> tuple[list[float], int]:
    """Return the seconds from each acknowledgement to its sighting, and how many never came."""
    found: list[float] = []
    lost = 0
    for at, place in acknowledged:
        partition, _, position = place.partition("-")
        seen = sightings.first_at(int(partition), int(position))
        if seen is None:
            lost += 1
        else:
            found.append(max(0.0, seen - at))
    return found, lost


async def freshness(bench: Bench) -> list[Row]:
    """At half the peak, arrivals on a fixed schedule: latency, and when settlement shows it."""
    url = bench.run.urls["wallet-ledger"]
    closed = [await drive(aimed(bench.load("peak"), url), bench.pids()) for _ in range(3)]
    peak = spread([ran.rate for ran in closed]).median
    bench.say(f"the peak is {peak:,.0f}/s")
    load = replace(
        bench.load("fresh"),
        rate=peak / 2,
        connections=OPEN_CONNECTIONS,
        seconds=bench.pace.seconds * 3,
        places=True,
    )
    sightings = Sightings()
    watching = asyncio.create_task(_watch(bench.run, sightings))
    try:
        ran = await drive(aimed(load, url), bench.pids())
        await asyncio.sleep(CATCH_UP_SECONDS)
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
    fresh, lost = delays(ran.result["acknowledged"], sightings)
    latency = ran.result["latency_ms"]
    return [
        seen_by_settlement(latencies_ms(fresh), lost, ran.rate),
        *(
            Row(f"latency {name}", value, "ms", note=f"open loop, {ran.rate:,.0f}/s")
            for name, value in latency.items()
        ),
    ]


def seen_by_settlement(visible: Mapping[str, float], lost: int, rate: float) -> Row:
    """Return the row of freshness; what was not seen at all has no percentile."""
    shown = ", ".join(f"{name} {visible[name]}" for name in ("p50", "p99.9") if visible)
    note = f"{shown} ms at {rate:,.0f}/s" if shown else f"at {rate:,.0f}/s"
    if lost:
        note += f"; {lost} not seen after {CATCH_UP_SECONDS:.0f} s"
    p99 = None if lost else visible["p99"]
    return Row("freshness p99", p99, "ms", target=500, sense="at most", note=note, extra=visible)


async def _watch(run: LiveRun, sightings: Sightings) -> None:
    """Look where settlement is, again and again."""
    async with database(run, "settlement") as connection:
        while True:
            rows = await connection.fetch(PLACES, WALLET.name)
            now = time.monotonic()
            for row in rows:
                sightings.see(now, row["partition"], row["position"])
            await asyncio.sleep(LOOK_SECONDS)

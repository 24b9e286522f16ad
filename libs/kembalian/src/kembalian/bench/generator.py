"""The load generator, a process of its own: `python -m kembalian.bench.generator` < spec.

One line on stdout when the warm-up is over, one with the result at the end.
"""

import asyncio
import json
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

import uvloop
from pydantic import TypeAdapter

from kembalian.bench import wire
from kembalian.bench.figures import latencies_ms
from kembalian.bench.plan import due_at, visits
from kembalian.bench.spec import Load


@dataclass(slots=True)
class Tally:
    """What was answered inside the window."""

    statuses: Counter[int] = field(default_factory=Counter[int])
    seconds: list[float] = field(default_factory=list[float])
    acknowledged: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])
    accepted: int = 0
    strange: str = ""
    open: bool = False


class Connection(asyncio.Protocol):
    """One kept connection: a request at a time, timed from `since`."""

    def __init__(self, generator: "Generator") -> None:
        self._generator = generator
        self._data = b""
        self.since = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be ready for a request."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class

    def send(self, request: bytes, since: float) -> None:
        """Send a request whose latency counts from `since`, on the monotonic clock."""
        assert self._transport is not None
        self.since = since
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Gather one answer."""
        data = self._data + data if self._data else data
        size = wire.answer_size(data)
        if size == 0 or len(data) < size:
            self._data = data
            return
        self._data = b""
        self._generator.answered(self, data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Say so: nobody closes a connection in a measurement."""
        self._generator.lost(exc)


class Generator:
    """All connections of one run."""

    def __init__(self, load: Load, requests: Iterator[bytes]) -> None:
        self._load = load
        self._requests = requests
        self._tally = Tally()
        self._stopping = False
        self._idle: list[Connection] = []
        self._late: deque[float] = deque()
        self._failed: str = ""

    async def run(self) -> dict[str, object]:
        """Warm up, measure, and return the result."""
        loop, load = asyncio.get_running_loop(), self._load
        connections = [
            (await loop.create_connection(lambda: Connection(self), load.host, load.port))[1]
            for _ in range(load.connections)
        ]
        arriving: asyncio.Task[None] | None = None
        if load.rate:
            self._idle = connections
            arriving = asyncio.create_task(self._arrive(load.rate))
        else:
            for connection in connections:
                connection.send(next(self._requests), time.monotonic())
        await asyncio.sleep(load.warm_seconds)
        print(json.dumps({"begin": time.monotonic()}), flush=True)
        began, cpu = time.monotonic(), time.process_time()
        self._tally.open = True
        await asyncio.sleep(load.seconds)
        self._tally.open = False
        ended, used = time.monotonic(), time.process_time() - cpu
        result = self._result(ended - began, used)
        print(json.dumps(result), flush=True)
        self._stopping = True
        if arriving is not None:
            arriving.cancel()
        await asyncio.sleep(0.2)
        return result

    def answered(self, connection: Connection, data: bytes) -> None:
        """Count an answer and send the next request, if one is due."""
        tally = self._tally
        now = time.monotonic()
        if tally.open:
            status = wire.status_of(data)
            tally.statuses[status] += 1
            tally.seconds.append(now - connection.since)
            if self._load.batch:
                tally.accepted += data.count(wire.ACCEPTED)
            if status >= 300 and not tally.strange:
                tally.strange = data[:600].decode("latin-1")
            if self._load.places:
                tally.acknowledged.append((now, wire.place_of(data)))
        if self._stopping:
            return
        if not self._load.rate:
            connection.send(next(self._requests), now)
        elif self._late:
            connection.send(next(self._requests), self._late.popleft())
        else:
            self._idle.append(connection)

    def lost(self, error: Exception | None) -> None:
        """Note that a connection ended."""
        if not self._stopping:
            self._failed = f"a connection ended: {error!r}"

    async def _arrive(self, rate: float) -> None:
        """Send what is due; what finds no idle connection waits, and its time runs."""
        began, number = time.monotonic(), 0
        while True:
            now = time.monotonic()
            while (due := began + due_at(number, rate)) <= now:
                number += 1
                if self._idle:
                    self._idle.pop().send(next(self._requests), due)
                else:
                    self._late.append(due)
            await asyncio.sleep(due - now)

    def _result(self, seconds: float, cpu_seconds: float) -> dict[str, object]:
        tally = self._tally
        return {
            "seconds": seconds,
            "answers": sum(tally.statuses.values()),
            "statuses": dict(tally.statuses),
            "latency_ms": latencies_ms(tally.seconds),
            "cpu_seconds": cpu_seconds,
            "accepted": tally.accepted,
            "failed": self._failed,
            "strange": tally.strange,
            "waiting": len(self._late),
            "acknowledged": tally.acknowledged,
        }


def requests_of(load: Load) -> Iterator[bytes]:
    """Return the requests of a load, without end."""
    drawn = visits(
        seed=load.key,
        wallets=load.wallets,
        stores=len(load.tokens if not load.batch else load.stores),
        exponent=load.exponent,
        hot=load.hot,
    )
    if load.batch:
        return wire.batch_requests(
            load.tokens[0], load.stores, drawn, key=load.key, size=load.batch
        )
    return wire.single_requests(load.tokens, drawn, key=load.key, path=load.path)


def main() -> None:
    """Read the spec and run it."""
    load = TypeAdapter(Load).validate_json(sys.stdin.read())
    uvloop.run(Generator(load, requests_of(load)).run())


if __name__ == "__main__":
    main()

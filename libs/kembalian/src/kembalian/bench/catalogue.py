"""Every measure by name: the table of contents."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from kembalian.bench.bench import Bench
from kembalian.bench.measures import audits, batches, entries, flow, size
from kembalian.bench.rows import Row

Measure = Callable[[Bench], Awaitable[list[Row]]]


@dataclass(frozen=True, slots=True)
class Named:
    """A measure; `long` ones run only when named, or with FULL=1."""

    run: Measure
    about: str
    long: bool = False


MEASURES: Mapping[str, Named] = {
    "entries": Named(entries.entries, "single entries: direct, gateway, beside their baselines"),
    "hot": Named(entries.hot, "one hot wallet, one hot store"),
    "batch": Named(batches.batch, "bulk entries beside COPY"),
    "flow": Named(flow.flow, "relay to Kafka, settlement's projection"),
    "freshness": Named(flow.freshness, "latency and freshness at half the peak"),
    "audits": Named(audits.audits, "verify, rebuild, replay beside COPY out"),
    "growth": Named(size.growth, "ten times the wallets and the history", long=True),
    "memory": Named(size.memory, "memory of wallet-ledger in a large town", long=True),
}

"""Single entries by HTTP: beside a route that does nothing, pgbench, the gateway."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

import asyncpg

from kembalian.bench.bench import Bench
from kembalian.bench.driving import Ran, aimed, drive, nothing, pgbench
from kembalian.bench.figures import ratio_of_rounds, spread
from kembalian.bench.rows import Row
from kembalian.bench.scratch import scratch
from kembalian.operators.reading import database

Round = Callable[[], Awaitable[Ran]]

BODY_BYTES = "SELECT avg(length(body))::int FROM (SELECT body FROM log.event LIMIT 5000) AS newest"


async def interleave(bench: Bench, subjects: Mapping[str, Round]) -> dict[str, list[Ran]]:
    """Run every subject once per round, in turn, so that all see the same machine."""
    ran: dict[str, list[Ran]] = {name: [] for name in subjects}
    for number in range(bench.pace.rounds):
        for name, measure in subjects.items():
            ran[name].append(await measure())
            bench.say(f"round {number + 1}: {name} {ran[name][-1].rate:,.0f}/s")
    return ran


def compared(
    measure: str,
    subject: Sequence[Ran],
    against: str,
    baseline: Sequence[Ran],
    target: float | None,
) -> Row:
    """Return the row of a subject beside its baseline, both of the same rounds."""
    rates, others = [ran.rate for ran in subject], [ran.rate for ran in baseline]
    ratio = ratio_of_rounds(rates, others)
    return Row(
        measure,
        spread(rates).median,
        "/s",
        against,
        spread(others).median,
        ratio.median,
        ratio.low,
        ratio.high,
        target,
        cpu_us=cpu_of(subject),
        extra={"rates": rates, "baseline_rates": others, "baseline_cpu_us": cpu_of(baseline)},
    )


def cpu_of(ran: Sequence[Ran]) -> dict[str, float]:
    """Return the median CPU microseconds per entry of each process."""
    return {name: round(spread([r.cpu_us[name] for r in ran]).median, 1) for name in ran[0].cpu_us}


async def entries(bench: Bench) -> list[Row]:
    """Direct, beside the route that does nothing, one INSERT per commit, and the gateway."""
    async with nothing() as (url, pid), scratch(bench.run) as dsn:
        async with database(bench.run, "wallet-ledger") as connection:
            body_bytes = int(await connection.fetchval(BODY_BYTES))
        await _warmed(dsn)
        load, run = bench.load("entries"), bench.run
        seconds = max(1, round(bench.pace.seconds))
        ran = await interleave(
            bench,
            {
                "does nothing": lambda: drive(aimed(load, url), {"route": pid}),
                "direct": lambda: drive(aimed(load, run.urls["wallet-ledger"]), bench.pids()),
                "gateway": lambda: drive(aimed(load, run.gateway), bench.pids()),
                "pgbench": lambda: pgbench(
                    dsn, bench.pids("postgres"), seconds=seconds, body_bytes=body_bytes
                ),
            },
        )
    direct = ran["direct"]
    return [
        compared("single entries", direct, "does nothing", ran["does nothing"], 1.2),
        compared("single entries", direct, "INSERT each", ran["pgbench"], 0.8),
        compared("through the gateway", ran["gateway"], "direct", direct, 0.4),
    ]


async def hot(bench: Bench) -> list[Row]:
    """All entries to one wallet, or at one store, beside entries spread over all."""
    url = bench.run.urls["wallet-ledger"]
    loads = {
        "spread": bench.load("spread"),
        "wallet": bench.load("hot-wallet", hot="wallet"),
        "store": bench.load("hot-store", hot="store"),
    }
    ran = await interleave(
        bench,
        {
            name: (lambda load=load: drive(aimed(load, url), bench.pids()))
            for name, load in loads.items()
        },
    )
    return [
        compared("one hot wallet", ran["wallet"], "spread", ran["spread"], 0.7),
        compared("one hot store", ran["store"], "spread", ran["spread"], 0.7),
    ]


async def _warmed(dsn: str) -> None:
    """Touch the scratch tables once, so that the first round is like the others."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()

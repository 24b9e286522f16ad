"""What ten times as much costs, and how much memory a million wallets take."""

from dataclasses import replace

from kembalian.bench.bench import Bench
from kembalian.bench.cpu import memory_mib
from kembalian.bench.driving import Ran, aimed, drive, nothing
from kembalian.bench.figures import spread
from kembalian.bench.measures.entries import interleave
from kembalian.bench.rows import Row
from kembalian.bench.town import grow

WALLETS_FULL = 1_000_000
TIMES = 10
PAID_BY = ("wallet-ledger", "postgres")


async def growth(bench: Bench) -> list[Row]:
    """The cost of an entry before and after the town has ten times the wallets and history."""
    small = await _costs(bench)
    wallets = bench.town.wallets
    await grow(bench.run, bench.town, wallets * TIMES, bench.say)
    await bench.tokens.renew()
    large = await _costs(bench)
    before, after = _cpu_us(small["direct"]), _cpu_us(large["direct"])
    slower = _slowness(large) / _slowness(small)
    note = f"{before:,.0f} -> {after:,.0f} us; {wallets:,} -> {bench.town.wallets:,} wallets"
    return [
        Row("10 x: CPU per entry", after / before, "x", target=1.2, sense="at most", note=note),
        Row(
            "10 x: time per entry",
            slower,
            "x",
            target=1.2,
            sense="at most",
            note="as a share of the route that does nothing, measured in the same rounds",
        ),
    ]


async def _costs(bench: Bench) -> dict[str, list[Ran]]:
    load = replace(bench.load("growth"), exponent=0.0)  # evenly: memory of wallets is of no help
    url = bench.run.urls["wallet-ledger"]
    async with nothing() as (empty, pid):
        return await interleave(
            bench,
            {
                "does nothing": lambda: drive(aimed(load, empty), {"route": pid}),
                "direct": lambda: drive(aimed(load, url), bench.pids()),
            },
        )


def _cpu_us(ran: list[Ran]) -> float:
    return spread([sum(r.cpu_us[name] for name in PAID_BY) for r in ran]).median


def _slowness(ran: dict[str, list[Ran]]) -> float:
    """Return the time of an entry as a multiple of the time of doing nothing."""
    pairs = zip(ran["does nothing"], ran["direct"], strict=True)
    return spread([empty.rate / direct.rate for empty, direct in pairs]).median


async def memory(bench: Bench) -> list[Row]:
    """What wallet-ledger holds when entries have gone to wallets all over a large town."""
    if bench.pace.full:
        await grow(bench.run, bench.town, WALLETS_FULL, bench.say)
        await bench.tokens.renew()
    load = replace(
        bench.load("memory"),
        exponent=0.0,
        tokens=[bench.tokens.channel],
        batch=500,
        connections=4,
        seconds=bench.pace.seconds * 4,
    )
    ran = await drive(aimed(load, bench.run.urls["wallet-ledger"]), bench.pids())
    held = memory_mib(bench.run.pids["wallet-ledger"])
    note = f"PSS {held['pss']:.0f} MiB; {bench.town.wallets:,} wallets, {ran.rate:,.0f} entries/s"
    target = bench.pace.target_at_full_size(300)
    return [
        Row(
            "memory of wallet-ledger", held["rss"], "MiB", target=target, sense="at most", note=note
        )
    ]

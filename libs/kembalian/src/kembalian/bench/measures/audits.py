"""What operators run over the whole history: verify, rebuild, replay; beside COPY out of it."""

import asyncio
import os
import sys
import time
from dataclasses import dataclass

import asyncpg

from kembalian.bench.bench import Bench
from kembalian.bench.children import child
from kembalian.bench.driving import LoadFailed
from kembalian.bench.rows import Row
from kembalian.bench.town import arrived, give_money
from kembalian.operators.reading import heads, size

EVENTS_FULL = 1_000_000
TARGET = 50_000
COMMANDS = {
    "verify": ("verify", "--json"),
    "rebuild wallet-ledger": ("rebuild", "wallet-ledger", "--yes", "--json"),
    "rebuild settlement": ("rebuild", "settlement", "--yes", "--json"),
    "replay wallet-ledger": ("replay", "wallet-ledger", "--json"),
    "replay settlement": ("replay", "settlement", "--json"),
}


@dataclass(slots=True)
class _Sink:
    """Takes bytes and forgets them."""

    taken: int = 0

    async def __call__(self, data: bytes) -> None:
        self.taken += len(data)


async def audits(bench: Bench) -> list[Row]:
    """Time each command on the live house; with FULL=1 on 1,000,000 events."""
    members = bench.town.member_ids
    while bench.pace.full and bench.town.history < EVENTS_FULL:
        missing = members[: EVENTS_FULL - bench.town.history]
        key = f"audit-{bench.town.history}"
        await give_money(bench.run, bench.town, missing, key, bench.say)
    await arrived(bench.run, bench.say)
    at = await heads(bench.run)
    wallet_events, everything = size(at["wallet-ledger"]), sum(size(p) for p in at.values())
    baseline = wallet_events / await _copy_out(bench)
    rows: list[Row] = []
    for name, command in COMMANDS.items():
        if not await _exists(command[0]):
            bench.say(f"{name} is skipped: there is no such command")
            continue
        seconds = await _timed(bench, command)
        count = everything if name == "verify" else wallet_events
        note = f"{count:,} events in {seconds:.1f} s"
        rate = count / seconds
        rows.append(Row(name, rate, "events/s", "COPY out", baseline, target=TARGET, note=note))
        bench.say(f"{name}: {note}")
    return rows


async def _copy_out(bench: Bench) -> float:
    """Return the seconds that COPY of the whole event table takes."""
    connection = await asyncpg.connect(bench.run.postgres_admin["wallet-ledger"])
    try:
        began = time.monotonic()
        await connection.copy_from_table(
            "event", schema_name="log", output=_Sink(), format="binary"
        )
        return time.monotonic() - began
    finally:
        await connection.close()


async def _exists(command: str) -> bool:
    async with child(
        *(sys.executable, "-m", "kembalian", command, "--help"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    ) as asked:
        return await asked.wait() == 0


async def _timed(bench: Bench, command: tuple[str, ...]) -> float:
    """Return the seconds that a command takes, its start included. Raises LoadFailed."""
    began = time.monotonic()
    async with child(
        *(sys.executable, "-m", "kembalian", *command),
        env={**os.environ, "KEMBALIAN_HOME": str(bench.run.home.root)},
        stdout=asyncio.subprocess.PIPE,
    ) as timed:
        said, _ = await timed.communicate()
    if timed.returncode:
        raise LoadFailed(f"kembalian {' '.join(command)}: {said[:2000].decode()}")
    return time.monotonic() - began

"""Bulk entries by POST /ledger/batch, beside COPY of the same rows into the same tables."""

import time
from dataclasses import replace

import httpx

from kembalian.bench.bench import Bench
from kembalian.bench.driving import Ran, aimed, drive
from kembalian.bench.measures.entries import compared, interleave
from kembalian.bench.rows import Row
from kembalian.bench.scratch import copied_out, copy_in, scratch

BATCH = 500
CONNECTIONS = 4
ROWS = 50_000
MISSING = (404, 405)


async def batch(bench: Bench) -> list[Row]:
    """The channel's batches, directly to wallet-ledger."""
    url = bench.run.urls["wallet-ledger"]
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"{url}/api/v1/ledger/batch")
    if answer.status_code in MISSING:
        bench.say("bulk entries are skipped: this house has no POST /ledger/batch")
        return []
    load = replace(
        bench.load("batch"), tokens=[bench.tokens.channel], batch=BATCH, connections=CONNECTIONS
    )
    count = min(ROWS, bench.town.history)
    rows = await copied_out(bench.run, count)
    async with scratch(bench.run) as dsn:

        async def copied() -> Ran:
            began = time.monotonic()
            await copy_in(dsn, rows)
            return Ran(count / (time.monotonic() - began), {}, {})

        ran = await interleave(
            bench, {"batches": lambda: drive(aimed(load, url), bench.pids()), "COPY": copied}
        )
    return [compared("bulk entries", ran["batches"], "COPY in", ran["COPY"], 0.3)]

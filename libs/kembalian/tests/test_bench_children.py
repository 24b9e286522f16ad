"""What the bench starts ends with it, whatever ends it."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from kembalian.operators.speaking import COULD_NOT

WAITING = """
import asyncio, signal, sys
from kembalian.bench.children import child, until_told

# As at a terminal: who runs the tests in a shell's background has Ctrl-C ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)

async def work():
    async with child("sleep", "600") as started:
        print(started.pid, flush=True)
        if "fail" in sys.argv:
            await asyncio.to_thread(input)
            raise RuntimeError
        await asyncio.sleep(600)

asyncio.run(until_told(work()))
"""

SERVING = """
import asyncio
from kembalian.bench.driving import nothing

async def work():
    async with nothing() as (url, pid):
        print(pid, flush=True)
        await asyncio.sleep(600)

asyncio.run(work())
"""

PATIENCE_SECONDS = 60


def a_bench(script: str, *arguments: str) -> tuple[subprocess.Popen[str], psutil.Process]:
    """Start a small bench; return it and its child."""
    bench = subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert bench.stdout is not None
    return bench, psutil.Process(int(bench.stdout.readline()))


def ended(process: psutil.Process) -> bool:
    """Say whether it ends soon; nobody may be there to reap it."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > give_up_at:
            process.kill()
            return False
        time.sleep(0.05)
    return True


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_child_ends_with_a_bench_that_is_ended(how: signal.Signals) -> None:
    bench, child = a_bench(WAITING)

    bench.send_signal(how)

    bench.communicate(timeout=PATIENCE_SECONDS)
    assert bench.returncode != 0
    assert ended(child)


def test_a_child_ends_with_a_bench_that_fails() -> None:
    bench, child = a_bench(WAITING, "fail")

    bench.communicate("\n", timeout=PATIENCE_SECONDS)

    assert bench.returncode == 1
    assert ended(child)


def test_the_empty_route_ends_with_a_bench_that_is_killed() -> None:
    bench, route = a_bench(SERVING)

    bench.kill()

    bench.communicate(timeout=PATIENCE_SECONDS)
    assert bench.returncode == -signal.SIGKILL
    assert ended(route)


def test_a_bench_that_is_told_to_end_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    out, home = tmp_path / "out.json", tmp_path / "home"
    argv = [
        "bench",
        "--quick",
        "growth",
        "--wallets",
        "100",
        "--home",
        str(home),
        "--out",
        str(out),
    ]
    bench = subprocess.Popen(
        [sys.executable, "-m", "kembalian", *argv], stderr=subprocess.PIPE, text=True
    )
    assert bench.stderr is not None
    assert "starting the house" in bench.stderr.readline()

    bench.terminate()

    _, said = bench.communicate(timeout=PATIENCE_SECONDS)
    assert bench.returncode == COULD_NOT
    assert "ended by SIGTERM" in said
    assert not out.exists()
    assert not [
        p
        for p in psutil.process_iter(["cmdline"])
        if str(home) in " ".join(p.info["cmdline"] or [])
    ]

"""The supervisor: what dies comes back on its port, and it is said."""

import asyncio
import os
import sys
from pathlib import Path

import psutil
import pytest

from kembalian.grounds.ground import GroundError
from kembalian.grounds.ports import free_port
from kembalian.launcher.service_process import ServiceProcess
from kembalian.launcher.supervisor import Supervisor

LIVE_SERVER = """
import http.server, sys
class Live(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Live).serve_forever()
"""


def child(tmp_path: Path, program: str = LIVE_SERVER) -> ServiceProcess:
    port = free_port()
    command = [sys.executable, "-c", program, str(port)]
    return ServiceProcess(command, f"http://127.0.0.1:{port}", os.environ, tmp_path / "child.log")


async def test_a_killed_child_comes_back_and_it_is_said(tmp_path: Path) -> None:
    server, said, changes = child(tmp_path), list[str](), list[int | None]()
    supervisor = Supervisor(
        {"server": server}, say=said.append, changed=lambda: changes.append(server.pid)
    )
    await supervisor.start(["server"])
    watching = asyncio.create_task(supervisor.watch(["server"]))

    psutil.Process(server.pid).kill()
    async with asyncio.timeout(60):
        while "server runs again" not in said:
            await asyncio.sleep(0.05)

    watching.cancel()
    assert said == ["server died; starting it again in 0.2 s", "server runs again"]
    assert changes == [changes[0], server.pid]
    assert changes[0] != changes[1]
    server.stop()


async def test_a_child_that_cannot_start_is_named_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kembalian.launcher.supervisor.START_PATIENCE_S", 0.5)
    broken = child(tmp_path, "raise SystemExit('no such database')")
    supervisor = Supervisor({"broken": broken}, say=print, changed=lambda: None)

    with pytest.RaisesGroup(pytest.RaisesExc(GroundError, match="no such database")):
        await supervisor.start(["broken"])
    broken.stop()


async def test_a_child_that_will_not_stop_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ServiceProcess, "stop_patience_s", 0.3)
    deaf = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    server = child(tmp_path, deaf + LIVE_SERVER)
    await Supervisor({"s": server}, say=print, changed=lambda: None).start(["s"])
    process = psutil.Process(server.pid)

    await asyncio.to_thread(server.stop)

    assert not process.is_running()
    assert server.pid is None

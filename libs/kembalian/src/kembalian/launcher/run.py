"""`kembalian run`: from an empty folder to a house that answers, and back to no process at all."""

import asyncio
import signal
import sys
from contextlib import suppress
from typing import cast

import httpx
from pydantic import ValidationError

from kembalian.demo.play import play_demo
from kembalian.grounds.ground import GroundError
from kembalian.grounds.ports import keep_port
from kembalian.launcher.home import Home, HomeInUse
from kembalian.launcher.house import House
from kembalian.launcher.settings import RunSettings
from web.settings import wrong_settings

READY_PATIENCE_S = 120
ASK_EVERY_S = 0.1


class CannotRun(Exception):
    """Something outside the house keeps it from running; the message says what."""


def run() -> int:
    """Run the house until SIGINT or SIGTERM; return the exit status."""
    try:
        settings = RunSettings()
        home = Home(settings.home)
        home.lock()
    except ValidationError as error:
        say_error("\n".join(wrong_settings(error)))
        return 2
    except (HomeInUse, OSError) as error:
        say_error(str(error))
        return 2
    try:
        return asyncio.run(_run(settings, home))
    finally:
        home.unlock()


def say(line: str) -> None:
    """Print one line at once; a reader that went away does not stop the house."""
    with suppress(BrokenPipeError):
        print(line, flush=True)


def say_error(line: str) -> None:
    """Print why the house does not run."""
    with suppress(BrokenPipeError):
        print(f"kembalian: {line}", file=sys.stderr, flush=True)


async def _run(settings: RunSettings, home: Home) -> int:
    """Run until a signal or a failure; either way everything is stopped before this returns."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for stop_signal in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(stop_signal, stopped.set)
    try:
        _take_port(settings.port)
        house = House(settings, home, say)
    except (CannotRun, GroundError) as error:
        say_error(str(error))
        return 1
    work = asyncio.create_task(_work(settings, home, house))
    waiting = asyncio.create_task(stopped.wait())
    await asyncio.wait({work, waiting}, return_when=asyncio.FIRST_COMPLETED)
    failed = work.done()
    work.cancel()
    waiting.cancel()
    outcome = (await asyncio.gather(work, return_exceptions=True))[0]
    if failed and isinstance(outcome, BaseException):
        say_error(_reason(outcome))
    else:
        say("stopping")
    await house.stop()
    return 1 if failed else 0


async def _work(settings: RunSettings, home: Home, house: House) -> None:
    """Start everything, make the demo, say that it is ready, and watch until cancelled."""
    await house.start_grounds()
    await house.prepare_databases()
    await house.start_services()
    async with asyncio.TaskGroup() as group:
        group.create_task(house.watch())
        await _until_ready(house.gateway_url)
        await play_demo(settings, home, house.gateway_url, house.reissue_password, say)
        say(f"ready http://localhost:{settings.port}")


async def _until_ready(gateway_url: str) -> None:
    """Wait until the gateway says that every service answers. Raises: CannotRun."""
    try:
        async with asyncio.timeout(READY_PATIENCE_S), httpx.AsyncClient(timeout=10) as client:
            while True:
                with suppress(httpx.TransportError):
                    if (await client.get(f"{gateway_url}/readyz")).is_success:
                        return
                await asyncio.sleep(ASK_EVERY_S)
    except TimeoutError:
        raise CannotRun(f"not ready after {READY_PATIENCE_S} s; see the logs") from None


def _take_port(port: int) -> None:
    """Keep the gateway's port. Raises: CannotRun if something listens on it already."""
    try:
        keep_port(port)
    except OSError as error:
        raise CannotRun(f"port {port}: {error.strerror}; set PORT to another") from None


def _reason(error: BaseException) -> str:
    """Return the innermost reasons of a failure, one per line."""
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        return "\n".join(_reason(inner) for inner in group.exceptions)
    return f"{error}" if isinstance(error, CannotRun | GroundError) else repr(error)

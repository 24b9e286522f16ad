"""Keeps a set of children running: what dies is started again, with back-off, and it is said."""

import asyncio
import time
from collections.abc import Callable, Mapping

from kembalian.grounds.ground import Ground, GroundError, start_async

WATCH_S = 0.1
BACK_OFF_FIRST_S = 0.2
BACK_OFF_MAX_S = 5.0
STEADY_S = 30.0  # a child that lived so long begins with the shortest back-off again
START_PATIENCE_S = 90


class Supervisor:
    """Watches `children` by name. `changed` is called whenever one of them has a new process."""

    def __init__(
        self,
        children: Mapping[str, Ground],
        *,
        say: Callable[[str], None],
        changed: Callable[[], None],
    ) -> None:
        self._children = children
        self._say = say
        self._changed = changed

    async def start(self, names: list[str]) -> None:
        """Start the named children side by side; returns when all answer.

        Raises: GroundError (in a group) if one does not come up.
        """
        async with asyncio.TaskGroup() as group:
            for name in names:
                group.create_task(self._start(name))

    async def watch(self, names: list[str]) -> None:
        """Start again whichever of the named children dies, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for name in names:
                group.create_task(self._watch(name))

    async def _start(self, name: str) -> None:
        await start_async(self._children[name], patience_s=START_PATIENCE_S)
        self._changed()

    async def _watch(self, name: str) -> None:
        back_off_s = BACK_OFF_FIRST_S
        while True:
            began_s = time.monotonic()
            while self._children[name].pid is not None:
                await asyncio.sleep(WATCH_S)
            if time.monotonic() - began_s > STEADY_S:
                back_off_s = BACK_OFF_FIRST_S
            self._say(f"{name} died; starting it again in {back_off_s:.1f} s")
            await asyncio.sleep(back_off_s)
            back_off_s = min(back_off_s * 2, BACK_OFF_MAX_S)
            try:
                await self._start(name)
            except GroundError as error:
                self._say(f"{name} does not start: {error}")
            else:
                self._say(f"{name} runs again")

"""What waits to be written in one partition: bounded, in order, and nobody waits for ever."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from time import monotonic

from wallet_ledger.answers import Answer
from wallet_ledger.group import Order

GROUP_MAX = 1_000
QUEUE_MAX = 4_000
ANSWER_SECONDS = 9.0
"""How long a command may take before its client is told to ask again."""


class NotOwner(Exception):
    """Another process writes this partition, or nobody does yet."""


class QueueFull(Exception):
    """More commands wait than this lane will hold."""


Waiting = tuple[Order, "asyncio.Future[Answer]"]

Ready = Callable[[Order], bool]
"""Whether an order can be decided without waiting; those of one wallet always answer alike."""


class Arrivals:
    """The queue of a lane, and the group that it has in hand.

    What is put in together stays together. `news` is set when something came, or when whoever
    serves the queue should look around.
    """

    def __init__(self, name: str) -> None:
        self.news = asyncio.Event()
        self.group: list[Waiting] = []
        self._name = name
        self._loop = asyncio.get_running_loop()
        self._since = 0.0
        self._queue: deque[tuple[float, list[Waiting]]] = deque()
        self._queued = 0

    def put(self, orders: Sequence[Order]) -> list["asyncio.Future[Answer]"]:
        """Put `orders` in line to be committed in one group (GROUP_MAX). Raises QueueFull."""
        if self._queued + len(orders) > QUEUE_MAX:
            raise QueueFull(self._name)
        waiting: list[Waiting] = [(order, self._loop.create_future()) for order in orders]
        self._queue.append((monotonic(), waiting))
        self._queued += len(waiting)
        self.news.set()
        return [answer for _, answer in waiting]

    async def take(self, ready: Ready) -> list[Waiting]:
        """Return the group that is still in hand, else what waits and is ready (GROUP_MAX at most).

        Nothing if `news` says only that there is something else to look at. Whose client has given
        up already is left out.
        """
        if not self.group and not self._drain(ready):
            self.news.clear()
            await self.news.wait()
            self._drain(ready)
        self.group = [(order, answer) for order, answer in self.group if not answer.done()]
        return self.group

    def _drain(self, ready: Ready) -> bool:
        """Take in hand what is ready; what is not stays at the head. Return whether anything is."""
        early: list[tuple[float, list[Waiting]]] = []
        while self._queue and len(self.group) + len(self._queue[0][1]) <= GROUP_MAX:
            put = self._queue.popleft()
            if all(ready(order) for order, _ in put[1]):
                self._since = min(self._since, put[0]) if self.group else put[0]
                self.group += put[1]
            else:
                early.append(put)
        self._queue.extendleft(reversed(early))
        self._queued -= len(self.group)
        return bool(self.group)

    def give_up(self) -> None:
        """Tell those who wait too long that it takes too long.

        One look now and then for all of them: a timer for each costs more than its decision.
        """
        too_early = monotonic() - ANSWER_SECONDS
        if self._since < too_early:
            _refuse(self.group, TimeoutError())
        for since, waiting in self._queue:
            if since < too_early:
                _refuse(waiting, TimeoutError())

    def turn_away(self) -> None:
        """Tell all who wait that another process must be asked."""
        waiting, self.group = self.group, []
        while self._queue:
            waiting += self._queue.popleft()[1]
        self._queued = 0
        _refuse(waiting, NotOwner(self._name))


def refused_at_once(orders: Sequence[Order], error: Exception) -> list["asyncio.Future[Answer]"]:
    """Return as many futures as there are orders, each ended by `error`."""
    loop = asyncio.get_running_loop()
    waiting: list[Waiting] = [(order, loop.create_future()) for order in orders]
    _refuse(waiting, error)
    return [answer for _, answer in waiting]


def _refuse(waiting: Sequence[Waiting], error: Exception) -> None:
    for _, answer in waiting:
        if not answer.done():
            answer.set_exception(error)

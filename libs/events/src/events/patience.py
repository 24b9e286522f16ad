"""How long the embedded broker is let look for what lies deep in a partition."""

from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any, Final

from aiokafka import AIOKafkaConsumer
from aiokafka.protocol.fetch import FetchRequest

LOOK_MS_MAX: Final = 8_000
"""Enough for a million batches on a busy machine, and below a request's own time limit."""


class Patience:
    """Asks for more time whenever the broker needed all that it had although there is more.

    The embedded broker goes through all batches of a partition at each fetch, and stops when the
    fetch may wait no longer: then it answers with nothing, or with a single batch, for ever. Only a
    fetch that can bring something is given more; one at the end of its partitions would be held
    that long for nothing. What was once needed is kept: a deep partition stays deep.
    """

    def __init__(
        self,
        send: Callable[..., Awaitable[Any]],
        look_ms: int,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._send = send
        self._clock = clock
        self._look_ms = look_ms
        self._ends: dict[tuple[str, int], int] = {}

    async def send(self, node_id: int, request: object, **more: object) -> Any:
        """Send any request of a client of aiokafka, in place of its own method."""
        if not isinstance(request, FetchRequest):
            return await self._send(node_id, request, **more)
        look_ms, behind = self._look_ms, self._is_behind(request)
        if behind:
            vars(request)["_max_wait_ms"] = look_ms
        began = self._clock()
        response = await self._send(node_id, request, **more)
        self._note_ends(response)
        if behind and (self._clock() - began) * 1_000 >= look_ms and self._is_behind(request):
            self._look_ms = min(4 * look_ms, LOOK_MS_MAX)
        return response

    def _is_behind(self, request: FetchRequest) -> bool:
        """Say whether a partition is known to hold more than what lies before the fetch."""
        return any(
            self._ends.get((topic, partition), 0) > offset
            for topic, partitions in request.topics
            for partition, offset, _ in partitions
        )

    def _note_ends(self, response: Any) -> None:
        """Take note of the high watermarks in a fetch's answer."""
        for topic, partitions in response.topics:
            for partition, _, end, *_ in partitions:
                self._ends[topic, partition] = end


def be_patient(consumer: AIOKafkaConsumer, look_ms: int) -> None:
    """Give a consumer's fetches patience; `look_ms` is what they have to begin with."""
    client = vars(consumer)["_client"]
    client.send = Patience(client.send, look_ms).send

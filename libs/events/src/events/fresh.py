"""What this process has just appended, kept for its own relay, which need not read it back."""

from collections import deque
from collections.abc import Sequence
from itertools import islice

from events.log import Appended, NewEvent, RecordedEvent

EVENTS_MAX = 2_000
BYTES_MAX = 4 * 1024 * 1024
"""Of one partition. A relay that is further behind than that reads the log, as ever."""


class Fresh:
    """A copy of the log's end, by partition, dense in position; of those only that are listened to.

    It is told what was committed, after the commit, and never guesses: what does not follow what it
    holds begins it anew, and whoever wants more must read the log, which is the truth.
    """

    def __init__(self) -> None:
        self._tails: dict[int, _Tail] = {}

    def listen(self, partition: int) -> None:
        """Keep what is appended to `partition` from now on."""
        self._tails.setdefault(partition, _Tail())

    def ignore(self, partition: int) -> None:
        """Keep nothing of `partition` any more."""
        self._tails.pop(partition, None)

    def listened(self) -> list[int]:
        """Return the partitions that are listened to."""
        return list(self._tails)

    def add(self, partition: int, appended: Appended, events: Sequence[NewEvent]) -> bool:
        """Take note of one append, which is committed; return whether anybody listens."""
        tail = self._tails.get(partition)
        if tail is None:
            return False
        tail.add(partition, appended, events)
        return True

    def ends(self) -> list[tuple[int, int]]:
        """Return (partition, last position) of all that hold anything."""
        return [(p, t.events[-1].position) for p, t in self._tails.items() if t.events]

    def after(self, partition: int, position: int, limit: int) -> list[RecordedEvent]:
        """Return at most `limit` events that follow `position` at once, [] = the log must be read.

        Those up to `position` are forgotten.
        """
        tail = self._tails.get(partition)
        return [] if tail is None else tail.after(position, limit)


class _Tail:
    """The last events of one partition."""

    def __init__(self) -> None:
        self.events: deque[RecordedEvent] = deque()
        self._bytes = 0

    def add(self, partition: int, appended: Appended, events: Sequence[NewEvent]) -> None:
        if self.events and self.events[-1].position + 1 != appended.first_position:
            self.events.clear()
            self._bytes = 0
        for position, event in enumerate(events, appended.first_position):
            stream, version, name, event_id, body = event
            self._bytes += len(body)
            self.events.append(
                RecordedEvent(
                    partition, position, stream, version, name, event_id, appended.recorded_at, body
                )
            )
        while len(self.events) > EVENTS_MAX or self._bytes > BYTES_MAX:
            self._forget_first()

    def after(self, position: int, limit: int) -> list[RecordedEvent]:
        while self.events and self.events[0].position <= position:
            self._forget_first()
        if not self.events or self.events[0].position != position + 1:
            return []
        return list(islice(self.events, limit))

    def _forget_first(self) -> None:
        self._bytes -= len(self.events.popleft().body)

"""Are the rows of a log in order, and true to what their bodies say?"""

from collections.abc import Sequence

from events.envelope import Envelope, MalformedEvent, UnknownEventType
from events.finding import DENSE, Finding
from events.log import RecordedEvent
from events.quickly import open_named


class OrderAudit:
    """Opens the events of one partition, stretch after stretch, and holds each against its row."""

    def __init__(self, service: str, partition: int) -> None:
        self._service = service
        self._partition = partition
        self._versions: dict[str, int] = {}
        self._last = 0

    def take(self, events: Sequence[RecordedEvent]) -> tuple[list[Envelope | None], list[Finding]]:
        """Return the envelopes of the next events (None = it cannot be read), and what is wrong."""
        versions, last = self._versions, self._last
        envelopes: list[Envelope | None] = []
        found: list[Finding] = []
        for _, position, stream, version, name, event_id, _, body in events:
            if position != last + 1:
                detail = f"positions up to {position} are missing"
                found.append(self._finding(last + 1, None, detail))
            last = position
            due = versions.get(stream, 0) + 1
            if version != due:
                detail = f"version {version} where {due} was due"
                found.append(self._finding(position, stream, detail))
            versions[stream] = version
            try:
                envelope = open_named(name, body)
            except (MalformedEvent, UnknownEventType) as error:
                envelopes.append(None)
                detail = f"the body cannot be read: {error!r}"[:200]
                found.append(self._finding(position, stream, detail))
                continue
            envelopes.append(envelope)
            inside = (envelope.event_id, envelope.type, envelope.stream, envelope.version)
            if inside != (str(event_id), name, stream, version):
                detail = "the body says something else than its row"
                found.append(self._finding(position, stream, detail))
        self._last = last
        return envelopes, found

    def _finding(self, position: int, stream: str | None, detail: str) -> Finding:
        return Finding(DENSE, self._service, self._partition, position, stream, detail)

"""What an audit finds: which invariant of docs/architecture.md is broken, and where."""

from dataclasses import dataclass

DENSE, SAME_ON_TOPIC = 9, 10


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must not be: which invariant it breaks, and where it was seen."""

    invariant: int
    service: str
    partition: int | None
    position: int | None
    stream: str | None
    detail: str

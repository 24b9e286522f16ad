"""Records of a topic as structs: aiokafka makes a frozen dataclass of eleven fields for each.

That is a quarter of what it costs to read one (decision 0038). The struct has the same fields.
"""

from dataclasses import fields
from typing import Any, Final, cast

import aiokafka.consumer.fetcher
from msgspec import Struct

NAME: Final = "ConsumerRecord"
"""What aiokafka's fetcher calls with the fields of a record, in order."""


class QuickRecord(Struct, frozen=True, gc=False):
    """`events.client.Record`, and the fields of aiokafka's ConsumerRecord that nobody here reads."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    checksum: int | None
    serialized_key_size: int
    serialized_value_size: int
    headers: tuple[tuple[str, bytes], ...]


def make_structs() -> None:
    """Let aiokafka make structs in this process.

    Where it makes its records by another name, or of other fields (any more), it goes on so.
    """
    fetcher = cast("Any", aiokafka.consumer.fetcher)
    if hasattr(fetcher, NAME) and names_of(aiokafka.ConsumerRecord) == QuickRecord.__struct_fields__:
        setattr(fetcher, NAME, QuickRecord)


def names_of(record: Any) -> tuple[str, ...]:
    """Return the fields of a dataclass, in order."""
    return tuple(field.name for field in fields(record))

"""Records of a topic as structs: aiokafka makes a frozen dataclass of eleven fields for each.

That is a quarter of what it costs to read one (decision 0038). The struct has the same fields.
"""

from dataclasses import fields
from importlib import import_module
from typing import Any, Final

import aiokafka
from msgspec import Struct

FETCHER: Final = import_module("aiokafka.consumer.fetcher")
NAME: Final = "ConsumerRecord"
"""What aiokafka's fetcher calls with the fields of a record, in order."""


class QuickRecord(Struct, frozen=True, gc=False):
    """An `events.client.Record`, with all fields of aiokafka's ConsumerRecord."""

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
    same_fields = names_of(aiokafka.ConsumerRecord) == QuickRecord.__struct_fields__
    if same_fields and hasattr(FETCHER, NAME):
        setattr(FETCHER, NAME, QuickRecord)


def names_of(record: Any) -> tuple[str, ...]:
    """Return the fields of a dataclass, in order."""
    return tuple(field.name for field in fields(record))

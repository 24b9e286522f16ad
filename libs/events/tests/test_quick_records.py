"""Records as structs are the records that aiokafka would have made."""

from dataclasses import make_dataclass
from typing import Any

import aiokafka
import pytest
from aiokafka import TopicPartition

from events.quick_records import FETCHER, NAME, QuickRecord, make_structs, names_of


@pytest.fixture(autouse=True)
def as_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FETCHER, NAME, aiokafka.ConsumerRecord)


def fetched() -> Any:
    """Return a record made by aiokafka's fetcher out of a message."""

    class Message:
        offset, timestamp, timestamp_type = 7, 1_000, 0
        key, value, checksum = b"stream", b"body", None
        headers = (("position", b"8"),)

    records = FETCHER.PartitionRecords(None, None, [], 0, None, None, True, 0)
    return records._consumer_record(TopicPartition("a", 3), Message())


def test_a_record_says_the_same_as_a_struct() -> None:
    usual = fetched()

    make_structs()
    quick = fetched()

    assert type(usual) is aiokafka.ConsumerRecord
    assert type(quick) is QuickRecord
    names = names_of(aiokafka.ConsumerRecord)
    assert [getattr(quick, name) for name in names] == [getattr(usual, name) for name in names]


def test_a_record_of_other_fields_stays_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    grown = make_dataclass("ConsumerRecord", [*names_of(aiokafka.ConsumerRecord), "leader_epoch"])
    monkeypatch.setattr(aiokafka, NAME, grown)
    monkeypatch.setattr(FETCHER, NAME, grown)

    make_structs()

    assert getattr(FETCHER, NAME) is grown

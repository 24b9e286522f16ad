"""The quick way of opening an event says what the contract says, of any bytes."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.contracts import CONTRACTS, lean, wallet
from events.contracts.lean import AnyLeanEvent
from events.envelope import Envelope, MalformedEvent, UnknownEventType, open_envelope
from events.quickly import open_named, open_quickly

CORPUS = Path(__file__).parents[1] / "corpus"
LEAN: dict[str, type[AnyLeanEvent]] = {
    "kembalian.wallet.TopUp.v1": lean.TopUp,
    "kembalian.wallet.ChangeSaved.v1": lean.ChangeSaved,
    "kembalian.wallet.ChangeRedeemed.v1": lean.ChangeRedeemed,
    "kembalian.identity.MemberRegistered.v1": lean.MemberRegistered,
}


def bodies(name: str) -> list[bytes]:
    lines = (CORPUS / f"{name}.json").read_bytes().splitlines()
    return [line.removesuffix(b",") for line in lines[1:-1]]


EVENTS = [body for name in LEAN for body in bodies(name)]

odd = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.sampled_from([10**12, 10**12 + 1, 2**53, 2**63, 2**64, -(2**63) - 1, 1.0, 600.0, 1e3]),
    st.text("ab é\0", max_size=3),
    st.sampled_from(["x" * 255, "x" * 256, "é" * 255, "\0", "😀"]),
    st.lists(st.integers(), max_size=2),
    st.just({}),
)
pieces = st.sampled_from(
    [b"", b" ", b"\n", b"\xff", b"\0", b"0", b"-0", b"1e0", b"1.0", b"null", b"\\ud800", b"\\u0061",
     b'"', b"}", b"]", b",", b'"x":1,', b'"amount":1,', b'"type":"kembalian.wallet.TopUp.v1",',
     b'"time":"",', b"\xc3\xa9", b"\xed\xa0\x80", b"NaN", b"\xef\xbb\xbf"]
)  # fmt: skip


def plain(envelope: Envelope) -> tuple[Any, ...]:
    """Return all that an opened event says, whichever way it was opened."""
    data = envelope.data
    said = msgspec.to_builtins(data) if isinstance(data, AnyLeanEvent) else data.model_dump()
    names = ("event_id", "type", "stream", "version", "time")
    attributes = [getattr(envelope, name) for name in names]
    return (*attributes, type(data).__name__, json.loads(json.dumps(said)))


def told(body: bytes, opening: Any) -> tuple[Any, ...]:
    """Return what comes of opening: all that the event says, or the refusal."""
    try:
        return plain(opening(body))
    except (MalformedEvent, UnknownEventType) as refusal:
        return (type(refusal), str(refusal))


@pytest.mark.parametrize("name", CONTRACTS)
def test_every_event_ever_published_says_the_same_either_way(name: str) -> None:
    for body in bodies(name):
        quick = open_quickly(body)
        assert plain(quick) == plain(open_envelope(body))
        assert isinstance(quick.data, LEAN.get(name, CONTRACTS[name]))


@given(st.sampled_from(EVENTS), st.data())
def test_a_changed_value_is_judged_alike(body: bytes, data: st.DataObject) -> None:
    event: dict[str, Any] = json.loads(body)
    part = data.draw(st.sampled_from([event, event["data"], *event["data"].get("postings", ())]))
    name = data.draw(st.sampled_from([*part, "unknown"]))
    if data.draw(st.booleans()):
        part[name] = data.draw(odd)
    else:
        part.pop(name, None)
    changed = json.dumps(event, separators=(",", ":"), sort_keys=True).encode()

    assert told(changed, open_quickly) == told(changed, open_envelope)


@given(st.sampled_from(EVENTS), st.data(), st.sampled_from([*LEAN, "unknown"]))
def test_an_event_is_judged_alike_whatever_its_row_calls_it(
    body: bytes, data: st.DataObject, name: str
) -> None:
    event: dict[str, Any] = json.loads(body)
    if data.draw(st.booleans()):
        event["data"][data.draw(st.sampled_from(list(event["data"])))] = data.draw(odd)
    changed = json.dumps(event, separators=(",", ":"), sort_keys=True).encode()

    assert told(changed, partial(open_named, name)) == told(changed, open_envelope)


@given(st.sampled_from(EVENTS), st.data())
def test_changed_bytes_are_judged_alike(body: bytes, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(body)))
    last = data.draw(st.integers(first, min(len(body), first + 4)))
    changed = body[:first] + data.draw(pieces) + body[last:]

    assert told(changed, open_quickly) == told(changed, open_envelope)


@pytest.mark.parametrize("name", LEAN)
def test_a_lean_form_has_the_fields_of_its_contract(name: str) -> None:
    fields = {field.name for field in msgspec.structs.fields(LEAN[name])}

    assert fields == set(CONTRACTS[name].model_fields)


def test_an_event_of_an_extension_unknown_to_us_is_left_to_the_contract() -> None:
    event: dict[str, Any] = json.loads(EVENTS[0])
    extended = json.dumps({**event, "extension": "x"}, separators=(",", ":"), sort_keys=True)

    assert isinstance(open_quickly(EVENTS[0]).data, lean.TopUp)
    assert isinstance(open_quickly(extended.encode()).data, wallet.TopUp)

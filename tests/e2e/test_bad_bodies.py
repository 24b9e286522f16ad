"""Bad bodies at every call that takes one: a named refusal each, no echo, no event."""

import json
from collections.abc import Generator

import pytest

from kembalian.testing.bad_bodies import bad_fields, bad_json
from kembalian.testing.calls import CALLS, Call
from kembalian.testing.cast import Answer, Cast
from kembalian.testing.refusals import assert_refused

WITH_BODY = [call for call in CALLS if call.body is not None]
MEGABYTE = 1024 * 1024

every_call = pytest.mark.parametrize("call", WITH_BODY, ids=lambda call: call.name)
pytestmark = pytest.mark.usefixtures("no_events")


def ask(cast: Cast, call: Call, content: bytes, **headers: str) -> Answer:
    """Send a body as somebody who may, under a new key."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return cast.ask(call.method, cast.target(call), cast.headers(call) | named, content)


@every_call
def test_what_is_no_json_is_refused(cast: Cast, call: Call) -> None:
    for bad in bad_json(cast.body(call)):
        answer = ask(cast, call, bad.content)

        assert_refused(answer, "invalid-request", field=bad.field, about=bad.name)


@every_call
def test_every_field_is_checked(cast: Cast, call: Call) -> None:
    partial = call.method == "PATCH"
    for bad in bad_fields(cast.body(call), call.optional, partial=partial):
        answer = ask(cast, call, bad.content)

        assert_refused(answer, "invalid-request", field=bad.field, about=bad.name)


@every_call
def test_a_body_of_another_type_is_not_read(cast: Cast, call: Call) -> None:
    good = json.dumps(cast.body(call)).encode()
    for media_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        answer = ask(cast, call, good, Content_Type=media_type)

        assert_refused(answer, "unsupported-media-type", about=media_type)
    untyped = {name: value for name, value in cast.headers(call).items() if name != "Content-Type"}
    answer = cast.ask(call.method, cast.target(call), untyped, good)
    assert_refused(answer, "unsupported-media-type", about="no type")


@every_call
def test_ten_megabytes_are_too_much_in_one_piece_or_many(cast: Cast, call: Call) -> None:
    def pieces() -> Generator[bytes]:
        for _ in range(10):
            yield b" " * MEGABYTE

    whole = ask(cast, call, b" " * (10 * MEGABYTE))
    chunked = cast.ask(call.method, cast.target(call), cast.headers(call), pieces())

    for answer in (whole, chunked):
        assert_refused(answer, "payload-too-large")


def test_a_body_of_exactly_a_megabyte_is_read(cast: Cast) -> None:
    call = next(call for call in WITH_BODY if call.path == "/pos/topups")

    fits = ask(cast, call, b"{}" + b" " * (MEGABYTE - 2))
    over = ask(cast, call, b"{}" + b" " * (MEGABYTE - 1))

    assert_refused(fits, "invalid-request", field="card_number")
    assert_refused(over, "payload-too-large")


def test_an_unknown_field_with_an_odd_name_is_not_repeated(cast: Cast) -> None:
    call = next(call for call in WITH_BODY if call.path == "/pos/topups")
    body = {**cast.body(call), "<script>qzxjw</script>": 1}

    assert_refused(ask(cast, call, json.dumps(body).encode()), "invalid-request", field="unknown")


def test_a_card_number_cannot_be_edited(cast: Cast) -> None:
    call = next(call for call in WITH_BODY if call.name == "PATCH /members/{member_id}")

    answer = ask(cast, call, b'{"name": "Rani", "card_number": "12345678"}')

    assert_refused(answer, "invalid-request", field="card_number")

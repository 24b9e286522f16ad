"""What the short way accepts, the routes accept with the same meaning; the rest it leaves alone."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from wallet_ledger import models
from wallet_ledger.till_shortcut import DECODERS, FORMS, Change, form_of, headers_of
from web.idempotency import fingerprint
from web.strict_json import InvalidJson, parse

TYPED = {b"content-type": b"application/json"}
MODELS = {
    b"/api/v1/pos/change": models.ChangeRequest,
    b"/api/v1/pos/redemptions": models.RedemptionRequest,
    b"/api/v1/pos/topups": models.TopUpRequest,
    b"/api/v1/pos/cashouts": models.CashOutRequest,
}

VALUES = st.one_of(
    st.integers(-1, 10**12 + 1),
    st.booleans(),
    st.none(),
    st.floats(allow_nan=False),
    st.from_regex(r"[0-9]{0,34}", fullmatch=True),
    st.text(max_size=6),
    st.just("1000\n"),
    st.just("１０００"),
    st.just("10:00"),
)
NAMES = st.sampled_from(["card_number", "amount", "sale_total", "tendered", "save", "pin", "other"])
GOOD = st.fixed_dictionaries(
    {"card_number": st.just("1000"), "amount": st.integers(1, 10**12)},
    optional={"pin": st.just("123456")},
)
GOOD_CHANGE = st.fixed_dictionaries(
    {
        "card_number": st.just("1000"),
        "sale_total": st.integers(1, 10**12),
        "tendered": st.integers(1, 10**12),
    },
    optional={"save": st.booleans()},
)
BODIES = st.one_of(st.dictionaries(NAMES, VALUES), GOOD, GOOD_CHANGE).map(
    lambda body: json.dumps(body).encode()
)
TEXTS = st.one_of(BODIES, st.binary(max_size=40))


def accepted(path: bytes, body: bytes, headers: dict[bytes, bytes] | None = None) -> Any:
    return form_of(body, headers or TYPED, DECODERS[path])


@given(st.sampled_from(sorted(FORMS)), TEXTS)
@example(b"/api/v1/pos/topups", b'{"amount":1,"card_number":"1000","amount":2}')
@example(b"/api/v1/pos/topups", b'{"amount":1.0,"card_number":"1000"}')
@example(b"/api/v1/pos/topups", b'{"amount":1,"card_number":"\xed\xa0\x80"}')
@example(b"/api/v1/pos/topups", b'\xef\xbb\xbf{"amount":1,"card_number":"1000"}')
@example(b"/api/v1/pos/change", b'{"save":null,"sale_total":1,"tendered":1,"card_number":"1000"}')
def test_what_it_accepts_means_the_same_to_the_routes(path: bytes, body: bytes) -> None:
    form = accepted(path, body)

    if form is not None:
        parsed = parse(body)
        request = MODELS[path].model_validate(parsed)
        given_fields = msgspec.to_builtins(form)
        assert request.model_dump(exclude_unset=True) == given_fields
        canonical = msgspec.json.encode(["POST", path.decode(), form])
        assert (
            canonical
            == json.dumps(
                ["POST", path.decode(), dict(sorted(given_fields.items()))], separators=(",", ":")
            ).encode()
        )
        assert fingerprint("POST", path.decode(), parsed) == fingerprint(
            "POST", path.decode(), given_fields
        )


@given(GOOD_CHANGE)
def test_a_plain_request_takes_the_short_way(body: dict[str, Any]) -> None:
    form = accepted(b"/api/v1/pos/change", json.dumps(body).encode())

    assert isinstance(form, Change)
    assert msgspec.to_builtins(form) == body


@given(st.sampled_from(sorted(FORMS)), TEXTS)
def test_what_the_routes_refuse_it_does_not_accept(path: bytes, body: bytes) -> None:
    try:
        MODELS[path].model_validate(parse(body))
    except (InvalidJson, ValidationError):
        assert accepted(path, body) is None


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {b"content-type": b"application/json; charset=utf-8"},
        {b"content-type": b"text/plain"},
    ],
)
def test_other_media_types_take_the_long_way(headers: dict[bytes, bytes]) -> None:
    body = b'{"amount":1,"card_number":"1000"}'

    assert accepted(b"/api/v1/pos/topups", body, headers or {b"x": b"y"}) is None


@pytest.mark.parametrize(
    "more",
    [
        (b"idempotency-key", b"k"),
        (b"authorization", b"Bearer x"),
        (b"x-kembalian-forwarded", b"1"),
        (b"expect", b"100-continue"),
        (b"accept", b"text/plain"),
        (b"transfer-encoding", b"chunked"),
        (b"content-encoding", b"gzip"),
    ],
)
def test_a_header_twice_or_an_unusual_one_takes_the_long_way(more: tuple[bytes, bytes]) -> None:
    headers = [(b"authorization", b"Bearer t"), (b"idempotency-key", b"k"), (b"accept", b"*/*")]

    assert headers_of(headers) == dict(headers)
    assert headers_of([*headers, more]) is None

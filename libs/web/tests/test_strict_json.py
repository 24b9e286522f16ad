"""What strict JSON refuses, and that it agrees with `json` on everything it takes."""

import contextlib
import json
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.strict_json import DEPTH_MAX, InvalidJson, parse

MIB = 1024 * 1024

REFUSED: dict[str, bytes] = {
    "nothing": b"",
    "white space alone": b" \n",
    "text after the value": b"{} {}",
    "single quotes": b"{'a': 1}",
    "trailing comma": b'{"a": 1,}',
    "open object": b'{"a": 1',
    "open string": b'"abc',
    "leading zero": b"01",
    "plus sign": b"+1",
    "hexadecimal": b"0x10",
    "foreign digits": "١٢".encode(),
    "NaN": b'{"amount": NaN}',
    "Infinity": b'{"amount": Infinity}',
    "minus Infinity": b'{"amount": -Infinity}',
    "out of range": b'{"amount": 1e400}',
    "out of range below": b'{"amount": -1e400}',
    "31 digits": b"1" * 31,
    "minus and 31 digits": b"-" + b"1" * 31,
    "31 digits in a fraction": b"0." + b"1" * 30,
    "a million digits": b"9" * MIB,
    "duplicate key": b'{"a": 1, "a": 1}',
    "duplicate key, escaped": b'{"a": 1, "\\u0061": 1}',
    "duplicate key, nested": b'[{"b": {"a": 1, "a": 2}}]',
    "lone high surrogate": b'"\\ud800"',
    "lone low surrogate": b'{"a": ["\\udc00"]}',
    "surrogates in the wrong order": b'"\\udc00\\ud800"',
    "surrogate as key": b'{"\\ud800": 1}',
    "surrogate as bytes": b'"\xed\xa0\x80"',
    "NUL": b'"a\x00b"',
    "NUL, escaped": b'"a\\u0000b"',
    "NUL in a key": b'{"a\\u0000": 1}',
    "NUL outside": b"\x00{}",
    "control character": b'"a\nb"',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "overlong UTF-8": b'"\xc0\xaf"',
    "truncated UTF-8": b'"\xc3"',
    "byte order mark": b'\xef\xbb\xbf{"a": 1}',
    "33 deep": b"[" * 33 + b"]" * 33,
    "33 deep, mixed": b'{"a":[' * 17 + b"]}" * 17,
    "100,000 deep": b"[" * 100_000 + b"]" * 100_000,
    "100,000 deep, open": b"[" * 100_000,
    "100,000 deep objects": b'{"a":' * 100_000,
}


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED.keys())
def test_what_readers_could_understand_differently_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidJson):
        parse(data)


@pytest.mark.parametrize(
    "marker", [b"zq7marker", b'{"zq7marker": 1, "zq7marker": 1}', b'"zq7\xff"']
)
def test_a_refusal_never_repeats_the_input(marker: bytes) -> None:
    with pytest.raises(InvalidJson) as refused:
        parse(marker)

    assert "zq7" not in str(refused.value)
    assert refused.value.__cause__ is None


TAKEN: dict[str, bytes] = {
    "nested to the limit": b"[" * DEPTH_MAX + b"]" * DEPTH_MAX,
    "brackets in a text": b'"' + b"[{" * 1000 + b'"',
    "brackets after an escaped quote": b'["\\"' + b"[" * 1000 + b'\\\\", []]',
    "many shallow lists": b"[" + b",".join([b"[]"] * 1000) + b"]",
    "30 digits": b"1" * 30,
    "a surrogate pair": b'"\\ud83d\\ude00"',
    "any script": '"مرحبا 你好"'.encode(),
    "the same key in two objects": b'[{"a": 1}, {"a": 2}]',
    "a number alone": b" -0.5e-3 ",
    "null": b"null",
}


@pytest.mark.parametrize("data", TAKEN.values(), ids=TAKEN.keys())
def test_what_is_unambiguous_is_taken(data: bytes) -> None:
    assert parse(data) == json.loads(data)


SLOW: dict[str, Callable[[int], bytes]] = {
    "escaped quotes in an open text": lambda size: b'["' + b'\\"' * (size // 2),
    "open brackets": lambda size: b"[" * size,
    "open texts": lambda size: b'["' * (size // 2),
    "backslashes": lambda size: b"[" * 40 + b'"' + b"\\" * size,
    "a long text with brackets": lambda size: b'"' + b"[" * size + b'"',
    "escapes": lambda size: b'["' + b"\\u0041" * (size // 6) + b'"]',
}


@pytest.mark.parametrize("make", SLOW.values(), ids=SLOW.keys())
def test_ten_megabytes_take_no_longer_than_their_length_says(make: Callable[[int], bytes]) -> None:
    data = make(10 * MIB)

    began = time.process_time()
    with contextlib.suppress(InvalidJson):
        parse(data)

    assert time.process_time() - began < 10  # a quadratic scan takes hours


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**29), 10**29)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5),
    max_leaves=25,
)


@given(values, st.booleans())
def test_valid_documents_mean_what_json_says(value: object, ascii_only: bool) -> None:
    data = json.dumps(value, ensure_ascii=ascii_only).encode()

    assert parse(data) == json.loads(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_parsed_or_refused(data: bytes) -> None:
    try:
        value = parse(data)
    except InvalidJson:
        return

    assert value == json.loads(data)

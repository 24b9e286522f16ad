"""Bodies that no call may take: bad JSON, and bad values for every field of a good one."""

import json
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Final

from kembalian.testing.refusals import MARK

SECRETS: Final = frozenset({"username", "password", "refresh_token", "current_password"})
"""Fields of logins, which are only compared: a wrong text is a wrong user, and no bad form."""

DEEP: Final = 100_000


@dataclass(frozen=True, slots=True)
class BadBody:
    """What is sent, and the field that the refusal must name."""

    name: str
    content: bytes
    field: str


def bad_json(body: dict[str, Any]) -> Generator[BadBody]:
    """Yield texts that are no JSON of this house; `body` is a good one."""
    good = json.dumps(body).encode()
    first = json.dumps(next(iter(body))).encode()
    inside = good[1:-1]
    texts = {
        "nothing": b"",
        "NUL bytes": b"\x00" * 8,
        "not UTF-8": b'{"%s": "\xff\xfe"}' % MARK.encode(),
        "UTF-16": good.decode().encode("utf-16"),
        "a byte order mark": b"\xef\xbb\xbf" + good,
        "a raw lone surrogate": b'{%s: "\xed\xa0\x80"}' % first,
        "an escaped lone surrogate": b'{%s: "\\ud800%s"}' % (first, MARK.encode()),
        "an escaped lone surrogate as a key": b'{%s, "\\udfff": 1}' % inside,
        "an escaped NUL": b'{%s: "a\\u0000b"}' % first,
        "a raw NUL": b'{%s: "a\x00b"}' % first,
        "a raw line end in a text": b'{%s: "a\nb"}' % first,
        "a key twice": b"{%s, %s}" % (inside, inside),
        "a key twice, once escaped": b'{%s, "\\u00%02x%s: 1}' % (inside, first[1], first[2:]),
        "NaN": b"{%s: NaN}" % first,
        "Infinity": b"{%s: Infinity}" % first,
        "-Infinity": b"{%s: -Infinity}" % first,
        "1e400": b"{%s: 1e400}" % first,
        "-1e400": b"{%s: -1e400}" % first,
        "31 digits": b"{%s: %s}" % (first, b"1" * 31),
        "5,000 digits": b"{%s: %s}" % (first, b"9" * 5_000),
        "deep lists": b"[" * DEEP + b"]" * DEEP,
        "deep lists in a field": b"{%s: %s}" % (first, b"[" * DEEP + b"]" * DEEP),
        "deep lists without an end": b"[" * DEEP,
        "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
        "33 deep": b"{%s: %s}" % (first, b"[" * 32 + b"]" * 32),
        "half a document": good[:-1],
        "two documents": good + good,
        "a comment": good + b"// " + MARK.encode(),
        "single quotes": b"{'a': 1}",
        "a trailing comma": good[:-1] + b",}",
        "null": b"null",
        "a list": b"[%s]" % good,
        "a text": b'"%s"' % MARK.encode(),
        "a number": b"5",
        "true": b"true",
    }
    for name, content in texts.items():
        yield BadBody(name, content, "body")


def bad_fields(
    body: dict[str, Any], optional: dict[str, Any], *, partial: bool
) -> Generator[BadBody]:
    """Yield `body` with one field missing, unknown, or of a value that it cannot have.

    `optional`: good values of fields that may be left out; `partial`: all may (a PATCH).
    """
    yield _changed(body, "unknown_field", MARK)
    for name, value in body.items():
        if not partial:
            rest = {other: kept for other, kept in body.items() if other != name}
            yield BadBody(f"no {name}", json.dumps(rest).encode(), name)
        for bad in _bad_values(name, value):
            yield _changed(body, name, bad)
    for name, value in optional.items():
        for bad in _bad_values(name, value):
            if bad not in (None, ""):  # which may stand for a text that is left out
                yield _changed(body, name, bad)


def _bad_values(name: str, value: object) -> list[object]:
    others: list[object] = [None, [], {}, [value], {"a": value}]
    if isinstance(value, bool):
        return [*others, 0, 1, "true", "", 1.0]
    if isinstance(value, int):
        big = [10**12 + 1, 2**53, 2**63, -(2**63) - 1, 10**29]
        return [*others, -1, 0, 1.0, 0.5, -0.0, True, "5", "", *big]
    texts = [5, True, 1.5, ""]
    if name in SECRETS:
        return [*others, *texts, "x" * 5_000]
    if "password" in name:
        return [*others, *texts, "x" * 9, "x" * 129]
    plain = [f"{MARK}\u202egnp.exe", f"{MARK}\u2028", f"\u0007{MARK}", "   ", MARK * 1_000]
    if name in ("card_number", "cashier_id", "store_id"):
        plain += ["../..", "1234\n", "\u0661\u0662\u0663\u0664", "A", f"{MARK} {MARK}", "'; --"]
    return [*others, *texts, *plain]


def _changed(body: dict[str, Any], name: str, value: object) -> BadBody:
    shown = repr(value)[:30]
    return BadBody(f"{name} = {shown}", json.dumps({**body, name: value}).encode(), name)

"""JSON read once and strictly: what two readers could understand differently is refused."""

import json
import math
import re
from typing import Any, NoReturn, cast

DEPTH_MAX = 32
NUMBER_DIGITS_MAX = 30

# A string, possessively and up to the end of the text where it is not closed: linear on any input.
STRING = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\Z)', re.DOTALL)
BRACKET = re.compile(r"[\[\]{}]")


class InvalidJson(ValueError):
    """The text is not JSON that this house takes. `reason` is ours and never quotes the input."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def _constant(_: str) -> NoReturn:
    raise InvalidJson("NaN and Infinity are not JSON")


def _integer(text: str) -> int:
    if len(text) > NUMBER_DIGITS_MAX and len(text.lstrip("-")) > NUMBER_DIGITS_MAX:
        raise InvalidJson(f"a number has more than {NUMBER_DIGITS_MAX} digits")
    return int(text)


def _fraction(text: str) -> float:
    if len(text) > NUMBER_DIGITS_MAX and sum(map(str.isdigit, text)) > NUMBER_DIGITS_MAX:
        raise InvalidJson(f"a number has more than {NUMBER_DIGITS_MAX} digits")
    number = float(text)
    if math.isinf(number):
        raise InvalidJson("a number is out of range")
    return number


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise InvalidJson("a key occurs twice in one object")
    return members


DECODER = json.JSONDecoder(
    parse_constant=_constant,
    parse_int=_integer,
    parse_float=_fraction,
    object_pairs_hook=_members,
)


def parse(data: bytes) -> object:
    """Return the JSON value in `data`, in time linear in its length.

    Raises: InvalidJson for invalid UTF-8, a byte order mark, NaN, Infinity, a number out of range
    or over 30 digits, a duplicate key, a lone surrogate, NUL, nesting over 32, or any bad syntax.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidJson("the body is not UTF-8") from None
    if text.startswith("\ufeff"):
        raise InvalidJson("the body begins with a byte order mark")
    _refuse_depth(text)
    try:
        value: object = DECODER.decode(text)
    except json.JSONDecodeError:
        raise InvalidJson("the body is not JSON") from None
    if "\\u" in text:  # only an escape can bring in what UTF-8 and the decoder do not let through
        _refuse_characters(value)
    return value


def _refuse_depth(text: str) -> None:
    """Refuse deep nesting before the decoder, which recurses, sees it."""
    if text.count("[") + text.count("{") <= DEPTH_MAX:
        return
    depth = 0
    for bracket in BRACKET.finditer(STRING.sub("", text)):
        depth += 1 if bracket.group() in "[{" else -1
        if depth > DEPTH_MAX:
            raise InvalidJson(f"the body is nested deeper than {DEPTH_MAX}")


def _refuse_characters(value: object) -> None:
    """Refuse NUL and lone surrogates in any string or key of `value`."""
    waiting: list[object] = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            if "\x00" in item:
                raise InvalidJson("a text holds the character NUL")
            if not item.isascii() and any("\ud800" <= char <= "\udfff" for char in item):
                raise InvalidJson("a text holds half of a surrogate pair")
        elif isinstance(item, dict):
            members = cast("dict[str, object]", item)
            waiting.extend(members.keys())
            waiting.extend(members.values())
        elif isinstance(item, list):
            waiting.extend(cast("list[object]", item))

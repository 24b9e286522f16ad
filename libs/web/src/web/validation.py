"""A failed validation in our own words: fields are named, what was sent is never repeated."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from starlette.requests import Request
from starlette.responses import Response

from web.problems import FieldError, Problem

if TYPE_CHECKING:  # request models are read by the operators' command too, which needs no FastAPI
    from fastapi.exceptions import RequestValidationError

ERRORS_MAX: Final = 50
PLACES: Final = ("body", "query", "path", "header")
PLAIN_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
OWN_ERROR: Final = "own"
"""Type of the pydantic errors that our own validators raise: their message is ours, kept as is."""

REQUIRED: Final = "is required"
MESSAGES: Final[dict[str, str]] = {
    "missing": REQUIRED,
    "extra_forbidden": "is not a field of this request",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "string_type": "must be text",
    "string_pattern_mismatch": "does not have the form that is asked for",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "uuid_type": "must be an id",
    "uuid_parsing": "must be an id",
}
BOUNDS: Final[dict[str, Callable[[Mapping[str, Any]], str]]] = {
    "greater_than": lambda ctx: f"must be greater than {ctx['gt']}",
    "greater_than_equal": lambda ctx: f"must be at least {ctx['ge']}",
    "less_than": lambda ctx: f"must be less than {ctx['lt']}",
    "less_than_equal": lambda ctx: f"must be at most {ctx['le']}",
    "string_too_short": lambda ctx: _shortest(int(ctx["min_length"])),
    "string_too_long": lambda ctx: f"must have at most {ctx['max_length']} characters",
    "too_short": lambda ctx: f"must have at least {ctx['min_length']} items",
    "too_long": lambda ctx: f"must have at most {ctx['max_length']} items",
    "literal_error": lambda ctx: f"must be {ctx['expected']}",
    "union_tag_invalid": lambda ctx: f"must be one of {ctx['expected_tags']}",
}


def _shortest(length: int) -> str:
    return REQUIRED if length <= 1 else f"must have at least {length} characters"


def field_of(location: Sequence[str | int]) -> str:
    """Return the plain name of a field (`name`, `items.0.quantity`); `body` for the whole body.

    A name that only the client knows is repeated if it is a plain one, else left out.
    """
    parts = list(location)
    if len(parts) > 1 and parts[0] in PLACES:
        parts = parts[1:]
    names = [str(part) if _is_plain(part) else "unknown" for part in parts]
    return ".".join(names) or "body"


def _is_plain(part: str | int) -> bool:
    return isinstance(part, int) or PLAIN_NAME.fullmatch(part.lower()) is not None


def message_of(error: Mapping[str, Any]) -> str:
    """Return what is wrong, from the error's type and our own bounds; never from the input."""
    kind = str(error["type"])
    if kind == OWN_ERROR:
        return str(error["msg"])
    if kind in BOUNDS:
        return BOUNDS[kind](error.get("ctx", {}))
    if kind.startswith("int_"):
        return "must be a whole number"
    return MESSAGES.get(kind, "is not valid")


def field_errors(
    errors: Sequence[Mapping[str, Any]], tags: Collection[str] = ()
) -> list[FieldError]:
    """Return at most 50 field errors, in the order in which validation found them.

    `tags`: values that tell the kinds of an item apart; validation puts them into its places.
    """
    return [
        {
            "field": field_of([part for part in error["loc"] if part not in tags]),
            "message": message_of(error),
        }
        for error in errors[:ERRORS_MAX]
    ]


async def answer_validation(request: Request, error: Exception) -> Response:
    """Exception handler of the application for what FastAPI found invalid."""
    tags: frozenset[str] = request.app.state.tags
    found = field_errors(cast("RequestValidationError", error).errors(), tags)
    return Problem("invalid-request", errors=found).response()

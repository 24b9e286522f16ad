"""Idempotency keys: how a request is told from another one under the same key."""

import hashlib
import re
from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec
import rfc8785
from fastapi import Depends, Header
from starlette.requests import Request

from web.problems import Problem, invalid
from web.verifier import Principal

HEADER: Final = "idempotency-key"
KEY: Final = re.compile(r"[\x20-\x7e]{1,255}")
_PLAIN: Final = msgspec.json.Encoder(order="sorted")
FORM: Final = {"minLength": 1, "maxLength": 255, "pattern": r"^[ -~]{1,255}$"}
"""As the API's document says it; the check is ours, so that the refusal is, too."""

DESCRIPTION: Final = "1 to 255 printable ASCII characters; a repeat gets the first answer again"


async def idempotency_key(
    request: Request,
    _: Annotated[
        str | None,
        Header(alias="Idempotency-Key", description=DESCRIPTION, json_schema_extra=FORM),
    ] = None,
) -> str:
    """Return the caller's key. Raises Problem 400 if it is missing, 422 if it is malformed."""
    values = request.headers.getlist(HEADER)
    if not values or values == [""]:
        raise Problem("idempotency-key-missing")
    if len(values) > 1 or not KEY.fullmatch(values[0]):
        raise invalid("Idempotency-Key", "must be 1 to 255 printable ASCII characters, once")
    return values[0]


IdempotencyKey = Annotated[str, Depends(idempotency_key)]


def fingerprint(method: str, path: str, parsed_body: object) -> bytes:
    """Return the SHA-256 (32 bytes) of the RFC 8785 form of [method, path, body].

    Two spellings of one body are the same request. Raises Problem 422 for a number that RFC 8785
    does not know (over 2^53), which no field of the API allows either.
    """
    try:
        return hashlib.sha256(rfc8785.dumps([method, path, parsed_body])).digest()  # pyright: ignore[reportArgumentType]
    except rfc8785.CanonicalizationError:
        raise invalid("body", "a number is out of range") from None


def fingerprint_plain(method: str, path: str, body: Mapping[str, Any]) -> bytes:
    """As `fingerprint`, for a validated body without floats, its numbers below 2^53."""
    return hashlib.sha256(_PLAIN.encode([method, path, body])).digest()


def caller_of(principal: Principal, request_fingerprint: bytes) -> str:
    """Return whose key it is; a guest's caller is the fingerprint itself: guests share nothing."""
    if principal.role == "guest":
        return f"guest:{request_fingerprint.hex()}"
    return principal.caller

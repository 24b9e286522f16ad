"""Problem details (RFC 9457): every refusal of the house, by its stable slug."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypedDict, cast

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER_SECONDS: Final = 1

SLUGS: Final[dict[str, tuple[int, str]]] = {
    "invalid-request": (422, "The request is not valid"),
    "idempotency-key-missing": (400, "The Idempotency-Key header is missing"),
    "idempotency-key-reused": (422, "The Idempotency-Key belongs to another request"),
    "request-in-flight": (409, "The first request with this key is still in flight"),
    "unauthenticated": (401, "A valid access token is needed"),
    "wrong-credentials": (401, "The credentials are wrong"),
    "forbidden": (403, "This role may not do that"),
    "not-found": (404, "There is nothing here"),
    "already-exists": (409, "It exists already"),
    "payload-too-large": (413, "The body is too large"),
    "too-many-attempts": (429, "Too many attempts"),
    "unavailable": (503, "Not available at the moment"),
    "insufficient-funds": (409, "The balance does not suffice"),
    "unknown-card": (404, "The card is not known"),
    "card-frozen": (409, "The card is frozen"),
    "pin-required": (403, "The PIN is needed"),
    "wrong-pin": (403, "The PIN is wrong"),
    "store-not-authorised": (403, "The store is not authorised"),
    "issuing-suspended": (409, "The store may not issue at the moment"),
    "out-of-stock": (409, "Out of stock"),
    "not-published": (409, "Not published"),
    "not-yet-checkpointed": (409, "Not yet part of a checkpoint"),
    "method-not-allowed": (405, "The method is not allowed here"),
    "unsupported-media-type": (415, "The body must be application/json"),
    "precondition-failed": (412, "A precondition failed"),
    "precondition-required": (428, "A precondition is required"),
    "wrong-state": (409, "Not possible in this state"),
    "hold-expired": (409, "The hold has expired"),
    "internal-error": (500, "Something went wrong here"),
}
"""slug -> (status, title). `internal-error` is a fault of ours: no request may lead to it."""

SLUG_OF_STATUS: Final[dict[int, str]] = {
    401: "unauthenticated",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    413: "payload-too-large",
    415: "unsupported-media-type",
    429: "too-many-attempts",
    503: "unavailable",
}


class FieldError(TypedDict):
    """One field of a form and what is wrong with it; `message` never quotes what was sent."""

    field: str
    message: str


def status_of(slug: str) -> int:
    """Return the HTTP status of `slug`. Raises KeyError for a slug that is not in the table."""
    return SLUGS[slug][0]


def problem_bytes(
    slug: str,
    detail: str | None = None,
    *,
    errors: Sequence[FieldError] = (),
    **members: object,
) -> bytes:
    """Return the body of the problem `slug`; the bytes are a function of the arguments alone."""
    status, title = SLUGS[slug]
    body: dict[str, object] = {"type": f"/problems/{slug}", "title": title, "status": status}
    body["detail"] = title if detail is None else detail
    if errors:
        body["errors"] = list(errors)
    body.update(members)
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


class Problem(HTTPException):
    """A refusal, raised anywhere below a route and answered as problem+json.

    `members` are the problem's own extra members, such as `available` and `shortfall`.
    """

    def __init__(
        self,
        slug: str,
        detail: str | None = None,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        status, title = SLUGS[slug]
        super().__init__(status, title if detail is None else detail, headers)
        self.slug = slug
        self.errors = tuple(errors)
        self.members: dict[str, Any] = members

    def response(self) -> Response:
        """Return the answer: body, media type and the headers that go with the status."""
        body = problem_bytes(self.slug, self.detail, errors=self.errors, **self.members)
        headers = {**_headers_of(self.slug, self.status_code), **(self.headers or {})}
        return Response(body, self.status_code, headers, MEDIA_TYPE)


def invalid(field: str, message: str) -> Problem:
    """Return the 422 that names one field."""
    return Problem("invalid-request", errors=[{"field": field, "message": message}])


def _headers_of(slug: str, status: int) -> dict[str, str]:
    if status == 401:
        return {"www-authenticate": "Bearer"}
    if slug in ("unavailable", "too-many-attempts"):
        return {"retry-after": str(RETRY_AFTER_SECONDS)}
    return {}


def problem_of_http(error: HTTPException) -> Problem:
    """Return the problem that says what a framework's own exception says."""
    if isinstance(error, Problem):
        return error
    slug = SLUG_OF_STATUS.get(error.status_code, "invalid-request")
    if error.status_code >= 500 and slug != "unavailable":
        slug = "internal-error"
    return Problem(slug, headers=error.headers)


async def answer_http(_: Request, error: Exception) -> Response:
    """Exception handler of the application for everything that is an HTTPException."""
    return problem_of_http(cast("HTTPException", error)).response()

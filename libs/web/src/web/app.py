"""The frame of every service: strict routes, problems for all that fails, its own calls."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import Lifespan

from web.boundary import BODY_BYTES_MAX, Boundary
from web.problems import MEDIA_TYPE, Problem, answer_http
from web.route import router
from web.settings import ServiceSettings
from web.tokens import Principal, TokenVerifier, allow, fetch_from
from web.validation import answer_validation

Ready = Callable[[], Awaitable[bool]]

PROBLEM_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"description": text, "content": {MEDIA_TYPE: {"schema": PROBLEM_SCHEMA}}}
    for status, text in (("4XX", "A refusal (RFC 9457)"), ("503", "Not available at the moment"))
}


def create_app(
    name: str,
    *,
    settings: ServiceSettings,
    routers: Sequence[APIRouter],
    ready: Ready,
    lifespan: Lifespan[FastAPI] | None = None,
    verifier: TokenVerifier | None = None,
    body_bytes_max: int = BODY_BYTES_MAX,
    tags: frozenset[str] = frozenset(),
) -> FastAPI:
    """Return the application of the service `name`.

    `ready` says whether every call would be answered now. `verifier` defaults to one that reads
    identity's keys over HTTP; only identity itself has another. `tags` are values that tell the
    kinds of a request's items apart: no part of a field's name (`entries.0.amount`).
    """
    app = FastAPI(
        title=f"Kembalian {name}",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        responses=REFUSALS,
    )
    app.state.verifier = verifier or TokenVerifier(fetch_from(settings.identity_url))
    app.state.cursor_key = settings.cursor_key()
    app.state.tz = settings.zone
    app.state.tags = tags
    app.add_exception_handler(HTTPException, answer_http)
    app.add_exception_handler(RequestValidationError, answer_validation)
    app.add_middleware(Boundary, body_bytes_max=body_bytes_max)
    app.include_router(_own_calls(app, ready))
    for each in routers:
        app.include_router(each)
    return app


def _own_calls(app: FastAPI, ready: Ready) -> APIRouter:
    own = router()

    async def livez() -> dict[str, str]:
        return {"status": "alive"}

    async def readyz() -> dict[str, str]:
        if not await ready():
            raise Problem("unavailable")
        return {"status": "ready"}

    async def openapi(_: Annotated[Principal, Depends(allow(guest=True))]) -> Response:
        return JSONResponse(app.openapi())

    own.add_api_route("/livez", livez, include_in_schema=False)
    own.add_api_route("/readyz", readyz, include_in_schema=False)
    own.add_api_route("/openapi.json", openapi, include_in_schema=False)
    return own

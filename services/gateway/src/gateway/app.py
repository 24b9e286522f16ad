"""Composition: the services, the proxy before them, the gateway's own pages, the door."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.config import Settings
from gateway.documents import Documents
from gateway.door import Door
from gateway.pages import Pages
from gateway.proxy import Proxy
from gateway.routing import Service
from gateway.service_token import GuestToken
from gateway.upstream import Upstream
from web.boundary import Boundary
from web.problems import answer_http

SERVED_ELSEWHERE = b"/api/"


class Fork:
    """ASGI: calls of the API go straight to the proxy, past the router of the gateway's pages."""

    def __init__(self, pages: ASGIApp, proxy: ASGIApp) -> None:
        self._pages = pages
        self._proxy = proxy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the lifespan."""
        if scope["type"] == "http" and scope["raw_path"].startswith(SERVED_ELSEWHERE):
            await self._proxy(scope, receive, send)
        else:
            await self._pages(scope, receive, send)


def create_app(settings: Settings) -> ASGIApp:
    """Return the gateway as one ASGI application; its lifespan keeps the token and the pools."""
    upstreams = {
        service: Upstream(
            service.value,
            settings.urls_of(service),
            in_flight_max=settings.gateway_in_flight_max,
            answer_seconds_max=settings.gateway_answer_seconds_max,
        )
        for service in Service
    }
    guest = GuestToken(upstreams[Service.IDENTITY], settings.service_secret)
    pages = Pages(upstreams, Documents(upstreams, guest))

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        keeping = asyncio.create_task(guest.keep(), name="guest token")
        try:
            yield
        finally:
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping
            for upstream in upstreams.values():
                upstream.close()

    app = Starlette(
        routes=pages.routes(),
        exception_handlers={HTTPException: answer_http},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    proxy = Proxy(upstreams, guest)
    app.router.default = proxy  # whatever is not a page of the gateway's own
    return Door(
        Boundary(Fork(app, proxy)),
        open_max=settings.gateway_open_max,
        body_seconds_max=settings.gateway_body_seconds_max,
    )

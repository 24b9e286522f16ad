"""The gateway's own pages: is it alive, are the services ready, what are the calls."""

import asyncio
from collections.abc import Mapping
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.documents import Documents
from gateway.routing import Service
from gateway.upstream import Upstream
from web.problems import Problem

READY_SECONDS_MAX = 2.0
STATIC = {
    "swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "start.js": "text/javascript; charset=utf-8",
    "favicon-32x32.png": "image/png",
    "LICENSE": "text/plain; charset=utf-8",
    "NOTICE": "text/plain; charset=utf-8",
    "swagger-ui-bundle.js.LICENSE.txt": "text/plain; charset=utf-8",
}
"""Every file that may be asked for, with its media type."""

DOCS_HEADERS = {
    # The page writes style attributes and shows pictures out of its own CSS; no script but ours.
    "content-security-policy": "default-src 'none'; script-src 'self'; connect-src 'self'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cache-control": "no-cache",
}


class Pages:
    """Routes that no service answers."""

    def __init__(self, upstreams: Mapping[Service, Upstream], documents: Documents) -> None:
        self._upstreams = upstreams
        self._documents = documents
        folder = files("gateway") / "static"
        self._static = {name: (folder / name).read_bytes() for name in ("index.html", *STATIC)}

    def routes(self) -> list[Route]:
        """Return the table of the gateway's own paths."""
        return [
            Route("/livez", self.livez),
            Route("/readyz", self.readyz),
            Route("/openapi.json", self.openapi),
            Route("/docs", self.docs),
            Route("/docs/{name}", self.static),
        ]

    async def livez(self, _: Request) -> Response:
        """Answer, no more: this process runs."""
        return JSONResponse({"status": "alive"})

    async def readyz(self, _: Request) -> Response:
        """Return every service's readiness. Raises Problem 503, which names each as well."""
        services = list(self._upstreams)
        ready = await asyncio.gather(*(self._is_ready(service) for service in services))
        said = {
            service.value: "ready" if good else "unavailable"
            for service, good in zip(services, ready, strict=True)
        }
        if not all(ready):
            raise Problem("unavailable", "A service is not ready.", services=said)
        return JSONResponse({"status": "ready", "services": said})

    async def openapi(self, _: Request) -> Response:
        """Return the union of all services' calls. Raises Problem 503."""
        return Response(await self._documents.merged(), media_type="application/json")

    async def docs(self, _: Request) -> Response:
        """Return the page that shows /openapi.json."""
        return Response(
            self._static["index.html"], media_type="text/html; charset=utf-8", headers=DOCS_HEADERS
        )

    async def static(self, request: Request) -> Response:
        """Return a file of the page. Raises Problem 404."""
        name = request.path_params["name"]
        if name not in STATIC:
            raise Problem("not-found")
        return Response(self._static[name], media_type=STATIC[name], headers=DOCS_HEADERS)

    async def _is_ready(self, service: Service) -> bool:
        """Ask one service, READY_SECONDS_MAX at most."""
        try:
            async with asyncio.timeout(READY_SECONDS_MAX):
                answer = await self._upstreams[service].whole(b"/readyz")
        except (Problem, TimeoutError):
            return False
        return answer.status == 200

"""Runs an application until SIGTERM or SIGINT, then lets what is under way finish."""

import logging
import sys
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from web.settings import ServiceSettings

GRACE_SECONDS: Final = 3
KEEP_ALIVE_SECONDS: Final = 75  # longer than any of our clients keeps a connection
LOG_FORMAT: Final = "%(asctime)s %(levelname)s %(name)s %(message)s"


def configure_logging(level: str) -> None:
    """Log one line each to stderr."""
    logging.basicConfig(level=level.upper(), format=LOG_FORMAT, stream=sys.stderr, force=True)
    logging.getLogger("httpx").setLevel(logging.WARNING)


def run(app: ASGIApp, settings: ServiceSettings) -> None:
    """Serve `app` on the settings' host and port; return after a graceful stop."""
    configure_logging(settings.log_level)
    uvicorn.Server(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # who asked is the gateway's to know
            ws="none",
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    ).run()

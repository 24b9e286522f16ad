"""`python -m gateway`: serve until SIGTERM or SIGINT."""

from gateway.app import create_app
from gateway.config import Settings
from gateway.server import server
from web.serve import configure_logging, settle_memory
from web.settings import from_environment


def main() -> None:
    """Read the settings and serve."""
    settings = from_environment(Settings)
    configure_logging(settings.log_level)
    settle_memory()
    server(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        trusted_proxies=settings.gateway_trusted_proxies,
    ).run()


if __name__ == "__main__":
    main()

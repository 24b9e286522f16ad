"""`python -m catalog`: serves until SIGTERM or SIGINT."""

from catalog.app import make_app
from catalog.config import Settings
from web.serve import run


def main() -> None:
    """Serve with the settings of the environment."""
    settings = Settings()  # pyright: ignore[reportCallIssue] - the environment gives the rest
    run(make_app(settings), settings)


if __name__ == "__main__":
    main()

"""`python -m settlement`: serves until SIGTERM or SIGINT."""

from settlement.app import make_app
from settlement.config import Settings
from web.serve import run
from web.settings import from_environment


def main() -> None:
    """Serve with the settings of the environment."""
    settings = from_environment(Settings)
    run(make_app(settings), settings)


if __name__ == "__main__":
    main()

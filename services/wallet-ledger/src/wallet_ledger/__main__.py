"""`python -m wallet_ledger` serves the ledger."""

from wallet_ledger.app import build
from wallet_ledger.config import Settings
from wallet_ledger.till_shortcut import TillShortcut
from web.serve import run


def main() -> None:
    """Serve until SIGTERM."""
    settings = Settings()  # pyright: ignore[reportCallIssue] - from the environment
    run(TillShortcut(build(settings)), settings)


if __name__ == "__main__":
    main()

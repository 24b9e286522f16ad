"""`python -m wallet_ledger` serves the ledger."""

from events.quick_arrays import ask_by_type
from wallet_ledger.app import build
from wallet_ledger.config import Settings
from wallet_ledger.till_protocol import till_protocol
from web.serve import run


def main() -> None:
    """Serve until SIGTERM."""
    ask_by_type()
    settings = Settings()  # pyright: ignore[reportCallIssue] - from the environment
    app = build(settings)
    run(app, settings, protocol=till_protocol(app))


if __name__ == "__main__":
    main()

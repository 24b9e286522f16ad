"""`python -m wallet_ledger` serves the ledger."""

from events.quick_arrays import ask_by_type
from wallet_ledger.app import build
from wallet_ledger.config import Settings
from wallet_ledger.till_protocol import till_protocol
from web.serve import run
from web.settings import from_environment


def main() -> None:
    """Serve until SIGTERM."""
    ask_by_type()
    settings = from_environment(Settings)
    app = build(settings)
    run(app, settings, protocol=till_protocol(app))


if __name__ == "__main__":
    main()

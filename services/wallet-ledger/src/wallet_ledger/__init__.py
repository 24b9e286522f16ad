"""The ledger of members' money: the only writer of balance events."""

import web  # noqa: F401 (before httpx: see there)

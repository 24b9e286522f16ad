"""The ledger of members' money: the only writer of balance events."""

import web as web  # before httpx: see there

"""The operators' command, the launcher, the demo, and the grounds that all of it stands on."""

import web as web  # before httpx: see there

__version__ = "0.1.0"

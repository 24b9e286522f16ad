"""The operators' command, the launcher, the demo, and the grounds that all of it stands on."""

import web  # noqa: F401 (before httpx: see there)

__version__ = "0.1.0"

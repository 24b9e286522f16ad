"""What every HTTP service of the house shares, and no rule of any of them."""

import sys
from types import ModuleType
from typing import cast

# httpx imports its own command line along, with rich and pygments, and goes without it where it
# cannot be imported. It is a fifth of what a service or a command takes to start (decision 0033).
sys.modules.setdefault("httpx._main", cast("ModuleType", None))

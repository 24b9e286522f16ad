"""The ids of events: UUIDs of version 7, which lie in an index in the order of their time."""

from collections.abc import Callable
from typing import Final, cast
from uuid import UUID

import uuid_utils

new_id: Final = cast("Callable[[], UUID]", uuid_utils.uuid7)
"""Returns a new id, which has what is asked of it here: its text and its bytes. One of the standard
library's costs ten times as much to make: as much as the decision whose id it is."""

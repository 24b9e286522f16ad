"""Passwords: argon2id, computed beside the event loop, a bounded number at once."""

import asyncio
import os
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from web.problems import Problem

Result = TypeVar("Result")

# OWASP's setting of 19 MiB, 2 passes and 1 lane (docs/decisions/0003).
HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1, type=Type.ID)
AT_ONCE: Final = max(1, min(4, os.cpu_count() or 1))
WAITING_MAX: Final = 256

NOBODYS_HASH: Final = HASHER.hash("nobody has this password")
"""Verified where there is no such user: an unknown one takes as long as a wrong password."""


def hash_password(password: str) -> str:
    """Return the argon2id hash of `password`; takes tens of milliseconds of a processor."""
    return HASHER.hash(unicodedata.normalize("NFC", password))


def matches(known: str, password: str) -> bool:
    """Tell whether `password` has the hash `known`; takes as long as hashing."""
    try:
        return HASHER.verify(known, unicodedata.normalize("NFC", password))
    except (VerificationError, InvalidHashError):
        return False


class Passwords:
    """Hashes and verifies in a few threads of its own; refuses when too many wait."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="argon2")
        self._waiting = 0

    async def hash(self, password: str) -> str:
        """Return the hash of `password`. Raises Problem 503 when too many wait."""
        return await self._run(partial(hash_password, password))

    async def verify(self, known: str | None, password: str) -> bool:
        """Tell whether `password` has the hash `known`; None = no such user, takes as long.

        Raises Problem 503 when too many wait.
        """
        right = await self._run(partial(matches, known or NOBODYS_HASH, password))
        return right and known is not None

    async def _run(self, work: Callable[[], Result]) -> Result:
        if self._waiting >= WAITING_MAX:
            raise Problem("unavailable")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Let the threads end; what waits is not begun."""
        self._threads.shutdown(wait=False, cancel_futures=True)

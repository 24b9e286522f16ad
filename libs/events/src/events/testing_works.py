"""Work for other processes, which import it by name: they cannot import a test."""

import asyncio
import os
from collections.abc import AsyncIterator


async def squares(number: int) -> AsyncIterator[tuple[int, int, int]]:
    """Yield (process id, number, square) twice."""
    for _ in range(2):
        yield os.getpid(), number, number * number


async def refuses_three(number: int) -> AsyncIterator[int]:
    """Fail on 3."""
    if number == 3:
        raise ValueError("three")
    yield number


async def dies(number: int) -> AsyncIterator[int]:
    """End the whole process on 2."""
    if number == 2:
        os._exit(9)
    yield number


async def endless(number: int) -> AsyncIterator[int]:
    """Never end."""
    while True:
        yield number
        await asyncio.sleep(0.001)

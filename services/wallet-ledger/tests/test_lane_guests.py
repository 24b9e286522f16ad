"""A lane lets guests in, whenever they come."""

import asyncio
from collections.abc import Sequence

import asyncpg
import pytest

from kembalian.grounds.databases import Databases
from wallet_ledger import lane as lane_module
from wallet_ledger.group import Order
from wallet_ledger.lane import Lane
from wallet_ledger.testing.lanes import owned, writing


async def never(_: Lane) -> None:
    """Stand in for the tick that wakes a lane once a second, whatever it missed."""
    await asyncio.Event().wait()


async def test_a_guest_who_comes_during_the_sweep_is_let_in_without_a_tick(
    ledger: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweeping, go_on = asyncio.Event(), asyncio.Event()

    async def sweep(_: asyncpg.Connection, __: int) -> Sequence[Order]:
        sweeping.set()
        await go_on.wait()
        return []

    monkeypatch.setattr(Lane, "_tick", never)
    monkeypatch.setattr(lane_module, "expiry_orders", sweep)
    async with writing(ledger.app_dsn, 0) as (lane,), asyncio.timeout(30):
        await owned([lane])
        await sweeping.wait()
        asyncio.get_running_loop().call_soon(go_on.set)  # once the guest has knocked

        async with lane.lent() as turn:
            assert turn.partition == 0

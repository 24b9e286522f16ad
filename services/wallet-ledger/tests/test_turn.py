"""What a writer has in memory, and what is on its way there: never both, never old."""

import asyncio
from collections.abc import Mapping, Set
from typing import Any, cast

import pytest

from events.envelope import Cause
from wallet_ledger import turn as turns
from wallet_ledger.domain import Till, TopUpWithCash, Wallet
from wallet_ledger.group import Order
from wallet_ledger.turn import Turn

RICH, POOR = Wallet({"kantin": 900}, 6), Wallet({"kantin": 100}, 5)


class Reading:
    """A source that answers when the test says so."""

    def __init__(self) -> None:
        self.asked: list[tuple[Set[str], asyncio.Future[Mapping[str, Wallet]]]] = []

    def ask(self, _partition: int, wallet_ids: Set[str]) -> asyncio.Future[Mapping[str, Wallet]]:
        found: asyncio.Future[Mapping[str, Wallet]] = asyncio.get_running_loop().create_future()
        self.asked.append((wallet_ids, found))
        return found

    def hurry(self) -> None:
        return

    def answer(self, number: int, wallet: Wallet) -> None:
        wallet_ids, found = self.asked[number]
        found.set_result(dict.fromkeys(wallet_ids, wallet))


def top_up(wallet_id: str) -> Order:
    command = TopUpWithCash(Till("1000", "kantin", "kasir-1"), 100)
    return Order("cashier:kasir-1", "key", b"body", wallet_id, command, Cause("test"))


def ignore(_: object) -> None:
    return


@pytest.fixture
async def reading() -> Reading:
    return Reading()


@pytest.fixture
async def turn(reading: Reading) -> Turn:
    return Turn(0, cast("Any", None), 1, 0, source=reading)


async def test_a_wallet_is_asked_for_once_and_waited_for(turn: Turn, reading: Reading) -> None:
    turn.expect([top_up("w"), top_up("w")], ignore)
    turn.expect([top_up("w")], ignore)

    assert [ids for ids, _ in reading.asked] == [{"w"}]
    assert not turn.is_ready_for(top_up("w"))
    assert turn.is_ready_for(top_up("another"))
    reading.answer(0, RICH)
    assert turn.is_ready_for(top_up("w"))
    assert await turn.loaded({"w"}) == {"w": RICH}


async def test_what_was_on_its_way_is_not_used_once_the_wallet_came_by_another_way(
    turn: Turn, reading: Reading
) -> None:
    turn.expect([top_up("w")], ignore)
    turn.take_in({"w": RICH})
    reading.answer(0, POOR)  # as it was before
    turn.forget(["w"])

    loading = asyncio.create_task(turn.loaded({"w"}))
    await asyncio.sleep(0)
    reading.answer(1, RICH)

    assert await loading == {"w": RICH}


async def test_what_could_not_be_read_ahead_is_asked_for_again(
    turn: Turn, reading: Reading
) -> None:
    turn.expect([top_up("w")], ignore)
    reading.asked[0][1].set_exception(ConnectionResetError())
    assert turn.is_ready_for(top_up("w"))

    loading = asyncio.create_task(turn.loaded({"w"}))
    await asyncio.sleep(0)
    reading.answer(1, RICH)

    assert await loading == {"w": RICH}


async def test_wallets_of_clients_that_gave_up_are_not_kept_for_ever(
    turn: Turn, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "COMING_MAX", 10)
    for n in range(100):
        turn.expect([top_up(f"w{n}")], ignore)
        reading.answer(n, RICH)

    assert len(turn.coming) <= 11

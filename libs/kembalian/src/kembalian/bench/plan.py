"""Which wallet, which store, which command comes next: pure, and the same for the same seed."""

import random
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

CARDS_FROM = 70_000_000
"""The first card number; all have eight digits."""

AMOUNT_DIGITS_FROM = 100
"""Amounts have three digits, so that all requests of a kind are equally long."""

Kind = Literal["change", "redemptions", "topups"]
KINDS: tuple[Kind, ...] = ("change", "redemptions", "topups")
SHARES = (60, 30, 10)
"""Of 100 visits to a till."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One entry: wallet and store by number."""

    kind: Kind
    wallet: int
    store: int
    amount: int


def card_of(wallet: int) -> str:
    """Return the card number of a wallet."""
    return str(CARDS_FROM + wallet)


class Zipf:
    """Draws from 0 .. size-1, number n with weight 1 / (n+1)^exponent; exponent 0 = evenly."""

    def __init__(self, size: int, exponent: float) -> None:
        self._bounds = list(accumulate((n + 1) ** -exponent for n in range(size)))

    def draw(self, uniform: float) -> int:
        """Return the number that `uniform` (0 <= uniform < 1) falls on."""
        return bisect_left(self._bounds, uniform * self._bounds[-1])


def visits(
    *, seed: str, wallets: int, stores: int, exponent: float, hot: Literal["", "wallet", "store"]
) -> Iterator[Visit]:
    """Yield visits without end; `hot` = all of them to one wallet, or at one store."""
    choose = random.Random(seed)  # noqa: S311 - a load, not a secret
    popular = Zipf(wallets, exponent)
    kinds: Sequence[Kind] = choose.choices(KINDS, SHARES, k=9_973)
    number = 0
    while True:
        number += 1
        yield Visit(
            kinds[number % len(kinds)],
            0 if hot == "wallet" else popular.draw(choose.random()),
            0 if hot == "store" else int(choose.random() * stores),
            AMOUNT_DIGITS_FROM + int(choose.random() * 900),
        )


def due_at(number: int, rate: float) -> float:
    """Return the second, from the start, at which arrival `number` (0 ...) of an open loop is due.

    The schedule is fixed beforehand: a slow answer delays nobody who comes later, and what waits is
    counted from here, not from when it was sent.
    """
    return number / rate

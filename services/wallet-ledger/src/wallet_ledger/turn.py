"""A writer's turn at one partition: its epoch, where its log ends, and the wallets in memory."""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field
from typing import Protocol

import asyncpg

from events.failures import DATABASE_AWAY
from events.outcomes import Outcome
from wallet_ledger import store
from wallet_ledger.answers import Answer
from wallet_ledger.domain import Wallet
from wallet_ledger.group import Decision, Order, Slot, settled

WALLETS_MAX = 12_500
"""Wallets that a partition keeps in memory."""

COMING_MAX = 5_000
"""Wallets that a partition keeps of those that were read ahead and not decided about."""

RECENT_MAX = 2_000
"""Outcomes that a partition keeps in memory: a till repeats within seconds."""


class Source(Protocol):
    """Where wallets of any partition are read together with those of others."""

    def ask(self, partition: int, wallet_ids: Set[str], /) -> asyncio.Future[Mapping[str, Wallet]]:
        """Return the wallets named, once they are read."""
        ...

    def hurry(self) -> None:
        """Read what was asked for: somebody waits for it."""
        ...


@dataclass(slots=True)
class Turn:
    """One epoch of one partition: where its log ends, and what is known without asking.

    `source` reads wallets together with other lanes, None = alone, on the turn's connection.
    `coming` are wallets that it was asked for and that are not in memory: one that is there, or was
    there since, is never taken from here.
    `claims`: keys must be claimed before an append (Citus).
    """

    partition: int
    connection: asyncpg.Connection
    epoch: int
    position: int
    wallets: OrderedDict[str, Wallet] = field(default_factory=OrderedDict[str, Wallet])
    recent: OrderedDict[Slot, Outcome] = field(default_factory=OrderedDict[Slot, Outcome])
    source: Source | None = None
    coming: dict[str, asyncio.Future[Mapping[str, Wallet]]] = field(
        default_factory=dict[str, asyncio.Future[Mapping[str, Wallet]]]
    )
    claims: bool = False
    spoilt: bool = False

    def is_ready_for(self, order: Order) -> bool:
        """Tell whether the order's wallet need not be waited for."""
        found = self.coming.get(order.wallet_id)
        return found is None or found.done()

    def expect(self, orders: Iterable[Order], then: Callable[[object], None]) -> None:
        """Begin to read the wallets that `orders` will need, while another group is written.

        `then` is called when they are there.
        """
        if self.source is None:
            return
        missing = {
            order.wallet_id
            for order in orders
            if order.wallet_id not in self.wallets
            and order.wallet_id not in self.coming
            and not isinstance(order.asked, Answer)
        }
        if missing:
            if len(self.coming) > COMING_MAX:  # those of clients that gave up
                self.coming = {w: found for w, found in self.coming.items() if not found.done()}
            found = self.source.ask(self.partition, missing)
            found.add_done_callback(then)
            self.coming.update(dict.fromkeys(missing, found))

    async def load(self, wallet_ids: Set[str]) -> None:
        """Have wallets in memory, and move out those that were not used for longest."""
        missing = {wallet_id for wallet_id in wallet_ids if wallet_id not in self.wallets}
        if not missing:
            return
        self.take_in(await self.loaded(missing))
        for wallet_id in wallet_ids:
            self.wallets.move_to_end(wallet_id)
        while len(self.wallets) > max(WALLETS_MAX, len(wallet_ids)):
            self.wallets.popitem(last=False)

    async def loaded(self, wallet_ids: Set[str]) -> Mapping[str, Wallet]:
        """Return wallets as the database has them."""
        found: dict[str, Wallet] = {}
        if self.source is not None:
            asked = {w: self.coming[w] for w in wallet_ids if _is_well(self.coming.get(w))}
            rest = wallet_ids - asked.keys()
            if rest:
                asked.update(dict.fromkeys(rest, self.source.ask(self.partition, rest)))
            self.source.hurry()
            with contextlib.suppress(*DATABASE_AWAY):  # if it is, our own connection will say so
                for wallet_id, wallets in asked.items():
                    found[wallet_id] = (await wallets)[wallet_id]
        rest = wallet_ids - found.keys()
        if rest:
            found.update(await store.load_wallets_of(self.connection, self.partition, rest))
        return found

    def take_in(self, wallets: Mapping[str, Wallet]) -> None:
        """Have wallets in memory from now on; what was on its way of them is old after this."""
        for wallet_id, wallet in wallets.items():
            self.wallets[wallet_id] = wallet
            self.coming.pop(wallet_id, None)

    def spoil(self) -> None:
        """Say that it is not known what was committed: the lane must take a new epoch."""
        self.spoilt = True

    def forget(self, wallet_ids: Iterable[str]) -> None:
        """Drop wallets that may no longer be as the database has them."""
        for wallet_id in wallet_ids:
            self.wallets.pop(wallet_id, None)

    def remember(self, decision: Decision) -> None:
        """Take over what was committed."""
        self.position += len(decision.events)
        for wallet_id, wallet in decision.wallets.items():
            self.wallets[wallet_id] = settled(wallet)
            self.wallets.move_to_end(wallet_id)
        for outcome in decision.outcomes:
            self.recent[outcome.caller, outcome.key] = outcome
        while len(self.recent) > RECENT_MAX:
            self.recent.popitem(last=False)


def _is_well(coming: asyncio.Future[Mapping[str, Wallet]] | None) -> bool:
    """Tell whether wallets are on their way, or there."""
    if coming is None:
        return False
    return not coming.done() or not (coming.cancelled() or coming.exception())

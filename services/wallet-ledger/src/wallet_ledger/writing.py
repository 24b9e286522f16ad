"""Writing a group under a turn: keys, wallets, decision, one statement, and what is remembered."""

import contextlib
from collections import ChainMap, OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import asyncpg

from events import outcomes
from events.envelope import timestamp
from events.failures import DATABASE_AWAY
from events.outcomes import Outcome
from wallet_ledger import claims, store
from wallet_ledger.claims import KeyClaimed
from wallet_ledger.domain import PaymentCommand, Wallet
from wallet_ledger.group import Decision, Moment, Order, Slot, decide_group, named_by, settled

WALLETS_MAX = 12_500
"""Wallets that a partition keeps in memory."""

RECENT_MAX = 2_000
"""Outcomes that a partition keeps in memory: a till repeats within seconds."""

KEY_TAKEN = "outcome_pkey"

OURS = "KB"
"""The class of what our own functions refuse: a fence, another position, a wrong call."""

COMMIT_SECONDS_MAX = 10.0

NewId = Callable[[], UUID]

Load = Callable[[int, Set[str]], Awaitable[Mapping[str, Wallet]]]
"""Reads the wallets of a partition by their ids."""


@dataclass(slots=True)
class Turn:
    """One epoch of one partition: where its log ends, and what is known without asking.

    `load` reads wallets together with other lanes, None = alone, on the turn's connection.
    `claims`: keys must be claimed before an append (Citus).
    """

    partition: int
    connection: asyncpg.Connection
    epoch: int
    position: int
    wallets: OrderedDict[str, Wallet] = field(default_factory=OrderedDict[str, Wallet])
    recent: OrderedDict[Slot, Outcome] = field(default_factory=OrderedDict[Slot, Outcome])
    load: Load | None = None
    claims: bool = False
    spoilt: bool = False

    async def loaded(self, wallet_ids: Set[str]) -> Mapping[str, Wallet]:
        """Return wallets as the database has them."""
        if self.load is not None:
            with contextlib.suppress(*DATABASE_AWAY):  # if it is, our own connection will say so
                return await self.load(self.partition, wallet_ids)
        named = [(self.partition, wallet_id) for wallet_id in wallet_ids]
        found = await store.load_wallets(self.connection, named)
        return {wallet_id: wallet for (_, wallet_id), wallet in found.items()}

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


Write = Callable[[Turn, Decision], Awaitable[None]]


def is_about_the_group(error: Exception) -> bool:
    """Tell whether some command of the group is to blame: data or integrity errors, or ours.

    Not the database's absence, and not a fence: then the whole group is tried again.
    """
    if isinstance(error, asyncpg.PostgresError):
        return (getattr(error, "sqlstate", None) or "")[:2] in ("22", "23")
    return not isinstance(error, DATABASE_AWAY) or isinstance(error, asyncpg.DataError)


def is_undone(error: Exception) -> bool:
    """Tell whether the database has refused a statement, so that certainly nothing of it stands."""
    if not isinstance(error, asyncpg.PostgresError):
        return False
    return (getattr(error, "sqlstate", None) or "")[:2] in ("22", "23", "40", OURS)


async def write_group(
    turn: Turn,
    orders: Sequence[Order],
    now: datetime,
    new_id: NewId,
    write: Write,
) -> Decision:
    """Decide `orders` and commit what they come to by `write`; the turn then knows it.

    New keys are the rule, so nobody asks for them before the write: the primary key of the outcomes
    refuses one that was used, and then all of the group are looked up. Only an answer that is not
    kept needs the look beforehand.
    """
    decision = await decide(turn, orders, _recalled(turn, orders), now, new_id)
    if decision.unkept:
        decision = await _decide_with_keys(turn, orders, now, new_id) or decision
    if decision.outcomes:
        try:
            await write(turn, decision)
        except (asyncpg.UniqueViolationError, KeyClaimed) as error:
            # on Citus the name has a shard's number, and stands in the message alone
            if not isinstance(error, KeyClaimed) and KEY_TAKEN not in str(error):
                raise
            again = await _decide_with_keys(turn, orders, now, new_id)
            if again is None:
                raise
            decision = again
            if decision.outcomes:
                await write(turn, decision)
        turn.remember(decision)
    return decision


def _recalled(turn: Turn, orders: Sequence[Order]) -> dict[Slot, Outcome]:
    found = ((order.slot, turn.recent.get(order.slot)) for order in orders)
    return {slot: outcome for slot, outcome in found if outcome is not None}


async def _decide_with_keys(
    turn: Turn, orders: Sequence[Order], now: datetime, new_id: NewId
) -> Decision | None:
    """Return the decision in the light of all keys used before, None if none of them was."""
    slots = list({order.slot for order in orders})
    used = await outcomes.find_all(turn.connection, slots)
    earlier = await claimed_too(turn, orders, used)
    return await decide(turn, orders, earlier, now, new_id) if earlier else None


async def claimed_too(
    turn: Turn, orders: Sequence[Order], used: Mapping[Slot, Outcome]
) -> Mapping[Slot, Outcome]:
    """Return `used` and, where keys are claimed, those that belong to other commands."""
    if not turn.claims:
        return used
    return {**await claims.claimed_otherwise(turn.connection, turn.partition, orders), **used}


async def decide(
    turn: Turn,
    orders: Sequence[Order],
    earlier: Mapping[Slot, Outcome],
    now: datetime,
    new_id: NewId,
) -> Decision:
    """Load what is not in memory and decide; writes nothing."""
    await _load(turn, {order.wallet_id for order in orders if order.command is not None})
    wallets: Mapping[str, Wallet] = turn.wallets
    named = named_by(orders, wallets)
    if named.payments or named.reversals:
        found = await store.load_named(turn.connection, turn.partition, named, wallets)
        wallets = ChainMap(found, turn.wallets)
    if any(isinstance(order.command, PaymentCommand) for order in orders):
        now = await store.clock(turn.connection)
    moment = Moment(turn.partition, turn.position, now, new_id, timestamp(now))
    return decide_group(orders, wallets, earlier, moment)


async def _load(turn: Turn, wallet_ids: set[str]) -> None:
    missing = {wallet_id for wallet_id in wallet_ids if wallet_id not in turn.wallets}
    if not missing:
        return
    turn.wallets.update(await turn.loaded(missing))
    for wallet_id in wallet_ids:
        turn.wallets.move_to_end(wallet_id)
    while len(turn.wallets) > max(WALLETS_MAX, len(wallet_ids)):
        turn.wallets.popitem(last=False)


async def append(turn: Turn, decision: Decision) -> None:
    """Write a decision in one statement on the turn's connection. Raises as store.append_group."""
    if turn.claims:
        await claims.claim(turn.connection, turn.partition, decision.outcomes)
    await store.append_group(turn.connection, turn.partition, turn.epoch, turn.position, decision)

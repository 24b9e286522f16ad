"""Writing a group under a turn: keys, decision, one statement."""

from collections import ChainMap
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from events import outcomes
from events.envelope import timestamp
from events.failures import DATABASE_AWAY
from events.outcomes import Outcome
from wallet_ledger import claims, store
from wallet_ledger.answers import Answer
from wallet_ledger.claims import KeyClaimed
from wallet_ledger.domain import PaymentCommand, TillCommand, Wallet
from wallet_ledger.group import Decision, Moment, Order, Slot, decide_group, named_by
from wallet_ledger.turn import Turn

KEY_TAKEN = "outcome_pkey"

OURS = "KB"
"""The class of what our own functions refuse: a fence, another position, a wrong call."""

COMMIT_SECONDS_MAX = 10.0

NewId = Callable[[], UUID]

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
    recent, slots = turn.recent, [order.slot for order in orders]
    return {slot: recent[slot] for slot in slots if slot in recent}


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
    await turn.load({o.wallet_id for o in orders if not isinstance(o.asked, Answer)})
    wallets: Mapping[str, Wallet] = turn.wallets
    others = [order for order in orders if not isinstance(order.asked, TillCommand)]
    if others:
        named = named_by(others, wallets)
        if named.payments or named.reversals:
            found = await store.load_named(turn.connection, turn.partition, named, wallets)
            wallets = ChainMap(found, turn.wallets)
        if any(isinstance(order.asked, PaymentCommand) for order in others):
            now = await store.clock(turn.connection)
    moment = Moment(turn.partition, turn.position, now, new_id, timestamp(now))
    return decide_group(orders, wallets, earlier, moment)


async def append(turn: Turn, decision: Decision) -> None:
    """Write a decision in one statement on the turn's connection. Raises as store.append_group."""
    if turn.claims:
        await claims.claim(turn.connection, turn.partition, decision.outcomes)
    await store.append_group(turn.connection, turn.partition, turn.epoch, turn.position, decision)

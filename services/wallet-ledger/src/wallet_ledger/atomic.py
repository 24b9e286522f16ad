"""Orders over several partitions in one commit: all of them, or none."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import datetime

from events import outcomes
from events.failures import DATABASE_AWAY
from events.log import partition_of
from wallet_ledger import claims, store
from wallet_ledger.answers import Answer
from wallet_ledger.arrivals import NotOwner
from wallet_ledger.claims import KeyClaimed
from wallet_ledger.group import Decision, Order
from wallet_ledger.ids import new_id
from wallet_ledger.lane import Lane
from wallet_ledger.turn import Turn
from wallet_ledger.writing import claimed_too, decide
from web.problems import Problem


async def write_all_or_none(
    lanes: Sequence[Lane], orders: Sequence[Order], now: datetime
) -> list[Answer]:
    """Return each order's answer, in order: all are 201 and committed, or nothing is written.

    The lanes of all partitions stand still meanwhile, in ascending order, so that two batches
    cannot wait for each other; leases of others are taken first. The transaction appends to one
    partition after the other. Raises Problem 503 if that cannot be done now.
    """
    numbered: defaultdict[int, list[tuple[int, Order]]] = defaultdict(list)
    for n, order in enumerate(orders):
        numbered[partition_of(order.wallet_id, len(lanes))].append((n, order))
    try:
        for p in sorted(numbered):
            await lanes[p].seize()
        async with AsyncExitStack() as stack:
            turns = {p: await stack.enter_async_context(lanes[p].lent()) for p in sorted(numbered)}
            decisions = await _decided(turns, numbered, now)
            answers: list[Answer | None] = [None] * len(orders)
            for p, decision in decisions.items():
                for (n, _), answer in zip(numbered[p], decision.answers, strict=True):
                    answers[n] = answer
            done = [answer for answer in answers if answer is not None]
            if all(answer.status == 201 for answer in done):
                await _write(turns, decisions)
                for p, decision in decisions.items():
                    lanes[p].committed(decision)
            else:
                await _fenced(turns)
            return done
    except (NotOwner, KeyClaimed, TimeoutError, *DATABASE_AWAY) as error:
        raise Problem("unavailable", "the ledger is being taken over") from error


async def _decided(
    turns: Mapping[int, Turn],
    numbered: Mapping[int, list[tuple[int, Order]]],
    now: datetime,
) -> dict[int, Decision]:
    """Decide each partition's orders in the light of all keys that were used before."""
    first = next(iter(turns.values()))
    slots = [order.slot for mine in numbered.values() for _, order in mine]
    used = await outcomes.find_all(first.connection, slots)
    decisions: dict[int, Decision] = {}
    for p, turn in turns.items():
        orders = [order for _, order in numbered[p]]
        earlier = await claimed_too(turn, orders, used)
        decisions[p] = await decide(turn, orders, earlier, now, new_id)
    return decisions


async def _fenced(turns: Mapping[int, Turn]) -> None:
    """Look whether a refusal was decided under epochs that still count, as an append would.

    Another process may have written meanwhile, or the views been dropped, and the wallets here come
    from before, or out of empty views. Raises NotOwner; the lanes then take a new epoch.
    """
    first = next(iter(turns.values()))
    epochs = await store.epochs(first.connection, list(turns))
    if any(turn.epoch != epochs[p] for p, turn in turns.items()):
        for turn in turns.values():
            turn.spoil()
        raise NotOwner(f"partitions {sorted(turns)}")


async def _write(turns: Mapping[int, Turn], decisions: Mapping[int, Decision]) -> None:
    """Append to every partition, ascending, in one transaction on the first one's connection.

    If it fails in any way nobody can tell what was committed: all lanes take a new epoch.
    """
    first = next(iter(turns.values()))
    for p, turn in turns.items():
        if turn.claims:
            await claims.claim(first.connection, p, decisions[p].outcomes)
    try:
        async with first.connection.transaction():
            for p, turn in turns.items():
                if decisions[p].outcomes:
                    await store.append_group(
                        first.connection, p, turn.epoch, turn.position, decisions[p]
                    )
    except BaseException:
        for turn in turns.values():
            turn.spoil()
        raise
    for p, turn in turns.items():
        turn.remember(decisions[p])

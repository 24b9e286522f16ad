"""A long history in little time: decided and written by the ledger's own code, without HTTP.

`python -m wallet_ledger.testing.history DSN EVENTS [WALLETS [STORES]]`; DSN names the role that
serves (or the owner) of a migrated database in which nobody writes meanwhile.
"""

import asyncio
import random
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from multiprocessing import get_context
from uuid import UUID

import asyncpg
from uuid_utils.compat import uuid7

from events.envelope import Cause, timestamp
from events.log import partition_of
from wallet_ledger import store
from wallet_ledger.config import PARTITIONS
from wallet_ledger.domain import Till, Wallet
from wallet_ledger.group import Moment, Order, decide_group
from wallet_ledger.testing.drawing import Draw

CALLER = "cashier:history"


@dataclass(frozen=True, slots=True)
class History:
    """What is to be made: `events` in all, of `members` ((wallet id, card number)) at `stores`.

    `group` commands are one commit. Wallets are drawn with a skew: a tenth of them gets about a
    third of all events. The same `seed` gives the same commands (ids and times differ).
    """

    events: int
    members: Sequence[tuple[str, str]]
    stores: Sequence[str]
    group: int = 100
    seed: int = 1


def members(count: int) -> list[tuple[str, str]]:
    """Return `count` made-up members: (wallet id, card number)."""
    return [(f"01990000-0000-7000-8000-{n:012x}", f"{n:08d}") for n in range(count)]


def stores(count: int) -> list[str]:
    """Return `count` made-up store ids."""
    return [f"store-{n:03d}" for n in range(1, count + 1)]


async def make_history(
    dsn: str, history: History, *, processes: int = 2, told: Callable[[int], None] | None = None
) -> int:
    """Append `history` to the ledger at `dsn` and return how many events were appended.

    Each partition gets an equal share, the first ones one more; `told` is called with what is done.
    Raises asyncpg.PostgresError, with sqlstate log.FENCED if another writer took over.
    """
    inhabited = [p for p in range(PARTITIONS) if _living_in(history, p)]
    shares = {p: history.events // len(inhabited) for p in inhabited}
    for partition in inhabited[: history.events % len(inhabited)]:
        shares[partition] += 1
    if processes == 1:
        done = 0
        for partition, share in shares.items():
            done += await append_share(dsn, history, partition, share)
            if told is not None:
                told(done)
        return done
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        running = [
            loop.run_in_executor(pool, _in_process, dsn, history, partition, share)
            for partition, share in shares.items()
        ]
        done = 0
        for finished in asyncio.as_completed(running):
            done += await finished
            if told is not None:
                told(done)
    return done


def _in_process(dsn: str, history: History, partition: int, share: int) -> int:
    return asyncio.run(append_share(dsn, history, partition, share))


async def append_share(dsn: str, history: History, partition: int, share: int) -> int:
    """Append `share` events to one partition; return `share`."""
    living = _living_in(history, partition)
    chance = random.Random(f"{history.seed}/{partition}")  # noqa: S311 - a load, not a secret
    draw = Draw(chance, history.stores)
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("SET synchronous_commit = off")
        epoch, position = await store.raise_epoch(connection, partition)
        wallets = await store.load_wallets_of(connection, partition, [w for w, _ in living])
        end, asked = position + share, 0
        while position < end:
            size = min(history.group, end - position)
            one = end - position <= 5 * history.group  # then none may come to several events
            drawn = [living[int(len(living) * chance.random() ** 2)] for _ in range(size)]
            orders = [
                _order(
                    history.seed,
                    draw,
                    m,
                    wallets[m[0]],
                    f"{partition}/{position}/{asked + n}",
                    one=one,
                )
                for n, m in enumerate(drawn)
            ]
            asked += size
            now = datetime.now(UTC)
            moment = Moment(partition, position, now, _new_id, timestamp(now))
            decision = decide_group(orders, wallets, {}, moment)
            await store.append_group(connection, partition, epoch, position, decision)
            wallets.update(decision.wallets)
            draw.remember(decision.events, wallets)
            position += len(decision.events)
    finally:
        await connection.close()
    return share


def _new_id() -> UUID:
    return uuid7()


def _living_in(history: History, partition: int) -> list[tuple[str, str]]:
    return [m for m in history.members if partition_of(m[0], PARTITIONS) == partition]


def _order(
    seed: int, draw: Draw, member: tuple[str, str], wallet: Wallet, key: str, *, one: bool
) -> Order:
    wallet_id, card = member
    till = Till(card, draw.chance.choice(draw.stores), "kasir-1")
    command = draw.command(till, wallet_id, wallet, key, one=one)
    mark = sha256(key.encode()).digest()
    return Order(CALLER, f"{seed}/{key}", mark, wallet_id, command, Cause(key))


def main() -> None:
    """Make a history from the command line and say how long it took."""
    dsn, events = sys.argv[1], int(sys.argv[2])
    wallets = int(sys.argv[3]) if len(sys.argv) > 3 else 100_000
    shops = int(sys.argv[4]) if len(sys.argv) > 4 else 50
    history = History(events, members(wallets), stores(shops))
    began = time.monotonic()
    asyncio.run(make_history(dsn, history, told=lambda done: print(done, flush=True)))
    print(f"{events} events in {time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    main()

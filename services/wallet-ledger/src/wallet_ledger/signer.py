"""Signs the ledger's heads now and then: one process at a time, beside the payments.

It takes no lock that a payment waits for: the heads come out of one snapshot, and what is being
committed meanwhile is in the next checkpoint. It signs only what goes on from what was signed.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import monotonic

import asyncpg

from events.contracts.checkpoint import CheckpointKeyIntroduced, CheckpointSigned, Head
from events.envelope import MalformedEvent, UnknownEventType, timestamp
from events.failures import DATABASE_AWAY
from events.leases import Leases
from events.log import Connection
from events.relay import Relay
from events.running import beside
from events.topics import CHECKPOINTS
from wallet_ledger import checkpoint_log, store
from wallet_ledger.checkpoints import Pace, head_of, next_checkpoint
from wallet_ledger.config import Settings
from wallet_ledger.growth import Grown, HistoryChanged, grow, grown_before
from wallet_ledger.signing import NoKey, SigningKey, read_keys
from wallet_ledger.trees import BLOCK, TreeIncomplete

logger = logging.getLogger(__name__)

LEASE = "checkpoints"
CANNOT_SIGN = (NoKey, HistoryChanged, TreeIncomplete, MalformedEvent, UnknownEventType)
LOOK_SECONDS = 1.0
"""Under more than `events` events a second there is one checkpoint a second."""

SAY_SECONDS = 60.0
"""That it cannot sign is said so often at most: it is so until somebody brings the key."""

HEADS = """
SELECT c.partition, c.position, c.link, clock_timestamp() AS at,
    coalesce((SELECT max(t.index) FROM view.tree_node t
              WHERE t.partition = c.partition AND t.level = 6), -1) AS block
FROM log.counter c WHERE c.partition < 1000 ORDER BY c.partition
"""


@dataclass(slots=True)
class Hold:
    """What the process that signs knows: dropped whole after any failure."""

    epoch: int
    position: int
    key: SigningKey
    last: CheckpointSigned | None
    trees: dict[int, Grown]


class Signer:
    """Makes checkpoints in this process while it holds the lease."""

    def __init__(self, pool: asyncpg.Pool, leases: Leases, key_file: Path, pace: Pace) -> None:
        self._pool = pool
        self.leases = leases
        self._key_file = key_file
        self._pace = pace
        self._hold: Hold | None = None
        self._said_at = float("-inf")

    async def run(self) -> None:
        """Sign until cancelled."""
        while True:
            try:
                await self.look()
            except CANNOT_SIGN as error:  # payments go on all the same
                self._say(error)
                self._hold = None
            except DATABASE_AWAY as error:
                logger.warning("checkpoints begin again: %r", error)
                self._hold = None
            await asyncio.sleep(LOOK_SECONDS)

    def _say(self, error: Exception) -> None:
        """Tell whoever reads the log that nothing can be signed, unless it was said just now."""
        now = monotonic()
        if now - self._said_at >= SAY_SECONDS:
            self._said_at = now
            logger.critical("no checkpoint can be signed: %s", error)

    async def look(self) -> CheckpointSigned | None:
        """Sign if one is due and the lease is ours; return the new checkpoint.

        Raises NoKey, HistoryChanged, or what DATABASE_AWAY names; then begin again.
        """
        if not self.leases.holds(LEASE):
            self._hold = None
            if await self.leases.take(LEASE) is None:
                return None
        async with self._pool.acquire() as connection:
            if self._hold is None:
                self._hold = await self._taken_over(connection)
            hold = self._hold
            heads = await connection.fetch(HEADS)
            if any(head["block"] < _blocks(hold, head["partition"]) for head in heads):
                logger.warning("subtrees are missing: they are made again")
                self._hold = hold = await self._taken_over(connection)
            unsigned = sum(head["position"] for head in heads) - _events(hold.last)
            if not self._pace.is_due(unsigned, _age_seconds(hold.last, heads)):
                return None
            self._hold = None  # kept only if all goes well
            await self._sign(connection, hold, heads)
            self._hold = hold
            return hold.last

    async def _taken_over(self, connection: Connection) -> Hold:
        """Fence whoever signed before, and see that history goes on from what he signed."""
        epoch, position = await store.raise_epoch(connection, checkpoint_log.PARTITION)
        last = await checkpoint_log.newest(connection)
        keys = read_keys(self._key_file)
        introduced = await checkpoint_log.keys(connection)
        if not introduced:
            introduced = [await _introduce(connection, keys[-1], epoch, position)]
            position += 1
        signs = introduced[-1].key_id
        key = next((key for key in keys if key.key_id == signs), None)
        if key is None:
            raise NoKey(f"{self._key_file} does not hold the key {signs}")
        async with connection.transaction():
            trees = {
                head.partition: await grown_before(connection, head)
                for head in (last.heads if last else ())
            }
        logger.info("checkpoints are ours after number %d", last.n if last else 0)
        return Hold(epoch, position, key, last, trees)

    async def _sign(
        self, connection: Connection, hold: Hold, heads: Sequence[asyncpg.Record]
    ) -> None:
        async with connection.transaction():
            signed = [await self._head(connection, hold, head) for head in heads]
            at: datetime = heads[0]["at"]
            if hold.last is not None:
                at = max(at, datetime.fromisoformat(hold.last.at))
            fields = next_checkpoint(hold.last, signed, at, hold.key.key_id)
            checkpoint = hold.key.checkpoint(fields)
            await checkpoint_log.append(
                connection, [(checkpoint, checkpoint.n)], epoch=hold.epoch, position=hold.position
            )
        hold.last, hold.position = checkpoint, hold.position + 1

    async def _head(self, connection: Connection, hold: Hold, row: asyncpg.Record) -> Head:
        """Return a partition's head; the tree grows up to it. Raises HistoryChanged."""
        partition, position, link = row["partition"], row["position"], row["link"]
        tree = hold.trees.setdefault(partition, Grown())
        known = head_of(hold.last, partition)
        if known is not None and (position, link) == (tree.position, tree.link):
            return known
        await grow(connection, partition, tree, position)
        if (tree.position, tree.link) != (position, link):
            raise HistoryChanged(f"partition {partition} ends at {tree.position}, not {position}")
        return tree.head(partition)


@asynccontextmanager
async def checkpointing(
    pool: asyncpg.Pool, settings: Settings, leases: Leases
) -> AsyncGenerator[None]:
    """Publish checkpoints meanwhile, and sign them if this process was given the key."""
    async with AsyncExitStack() as stack:
        relay = Relay(pool, CHECKPOINTS, settings.kafka, leases)
        await stack.enter_async_context(beside("relay of checkpoints", relay.run()))
        if settings.checkpoint_key_file is None:
            logger.warning("KEMBALIAN_CHECKPOINT_KEY_FILE is not set: no checkpoints from here")
        else:
            pace = Pace(settings.checkpoint_events, settings.checkpoint_seconds)
            signer = Signer(pool, leases, settings.checkpoint_key_file, pace)
            await stack.enter_async_context(beside("checkpoints", signer.run()))
        yield


async def _introduce(
    connection: Connection, key: SigningKey, epoch: int, position: int
) -> CheckpointKeyIntroduced:
    at = timestamp(await connection.fetchval("SELECT clock_timestamp()"))
    introduced = key.introduces(key, first_checkpoint=1, at=at)
    await checkpoint_log.append(connection, [(introduced, 1)], epoch=epoch, position=position)
    return introduced


def _events(checkpoint: CheckpointSigned | None) -> int:
    return checkpoint.events if checkpoint else 0


def _blocks(hold: Hold, partition: int) -> int:
    """Return the number of the last block that must be stored, -1 = none."""
    tree = hold.trees.get(partition)
    return tree.growing.size // BLOCK - 1 if tree else -1


def _age_seconds(checkpoint: CheckpointSigned | None, heads: Sequence[asyncpg.Record]) -> float:
    if checkpoint is None:
        return float("inf")
    now: datetime = heads[0]["at"]
    return (now - datetime.fromisoformat(checkpoint.at)).total_seconds()

"""A ledger out of a file that proves itself, into a database that holds none yet."""

from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg

from events import log
from events.outcomes import Outcome
from wallet_ledger.folding import COLUMNS, Fold
from wallet_ledger.ledger_blocks import Torn, is_compressed, lines_of
from wallet_ledger.ledger_file import FiledGroup
from wallet_ledger.ledger_proof import BadLine, Proof
from wallet_ledger.signed_file import Held

Progress = Callable[[int, int], None]
"""Called with (done, total) in events."""

BATCH_EVENTS = 10_000

SESSION = {"application_name": "kembalian import", "lock_timeout": "10s"}

# Whoever would write meanwhile waits for these rows, and finds another epoch afterwards.
COUNTERS = """
SELECT partition, position FROM log.counter WHERE partition < 1000 ORDER BY partition FOR UPDATE
"""

# From partition 1000 on lie the checkpoints, which are no part of the ledger's file.
IS_EMPTY = """
SELECT NOT EXISTS (SELECT FROM log.event WHERE partition < 1000)
    AND NOT EXISTS (SELECT FROM log.link WHERE partition < 1000)
    AND NOT EXISTS (SELECT FROM log.outcome) AND NOT EXISTS (SELECT FROM view.wallet)
"""

MOVE = """
UPDATE log.counter
SET position = $2, recorded_at = coalesce($3, recorded_at), link = $4, epoch = epoch + 1
WHERE partition = $1
"""

EVENT = (
    "partition",
    "position",
    "stream",
    "version",
    "type",
    "event_id",
    "recorded_at",
    "body",
)
LINK = ("partition", "first_position", "count", "recorded_at", "root", "link")
OUTCOME = ("caller", "key", "fingerprint", "status", "answer")


class NotEmpty(Exception):
    """The database holds a ledger already, or has another number of partitions."""


class NotProven(Exception):
    """The file is not what it must be; the message names the first bad line."""


def prove(path: Path, progress: Progress, held: Held | None = None) -> Proof:
    """Read a file to its end and return what it proved; `held` takes its links, too.

    Raises NotProven, NotSigned, OSError.
    """
    proof = Proof()
    for _ in _proven(path, proof, progress, held):
        pass
    return proof


async def import_ledger(
    dsn: str, path: Path, progress: Progress, held: Held | None = None
) -> Proof:
    """Write the ledger of a file into an empty one, with its views, in one transaction.

    `dsn` must name the owner of the tables or a superuser. A file that does not prove itself to
    its end, or is not what was signed if `held` is given, changes nothing. Raises NotEmpty,
    NotProven, NotSigned, OSError, asyncpg.PostgresError.
    """
    proof = Proof()
    connection = await asyncpg.connect(dsn, timeout=10, server_settings=SESSION)
    try:
        async with connection.transaction():
            counters = await connection.fetch(COUNTERS)
            if any(row["position"] for row in counters) or not await connection.fetchval(IS_EMPTY):
                raise NotEmpty("a ledger is there already; import into a new database")
            target = _Target(connection, len(counters))
            for completed in _proven(path, proof, progress, held):
                assert proof.header is not None
                if len(proof.header.heads) != len(counters):
                    raise NotEmpty(f"the file has {len(proof.header.heads)} partitions")
                await target.take(completed)
            await target.finish(proof)
    finally:
        await connection.close()
    return proof


def _proven(
    path: Path, proof: Proof, progress: Progress, held: Held | None
) -> Iterator[Outcome | FiledGroup]:
    told = 0
    try:
        with path.open("rb") as file:
            for line, _ in lines_of(file, compressed=is_compressed(path)):
                completed = proof.take(line)
                if held is not None and isinstance(completed, FiledGroup):
                    held.take(completed.link)
                if completed is not None:
                    yield completed
                if proof.events >= told + BATCH_EVENTS and proof.header is not None:
                    told = proof.events
                    progress(told, sum(head.position for head in proof.header.heads))
        proof.require_end()
    except (BadLine, Torn) as error:
        raise NotProven(str(error)) from error
    if held is not None:
        held.require_all()
    progress(proof.events, proof.events)


class _Target:
    """Collects rows and writes them many at once; views partition by partition."""

    def __init__(self, connection: asyncpg.Connection, partitions: int) -> None:
        self._connection = connection
        self._partitions = partitions
        self._outcomes: list[tuple[object, ...]] = []
        self._links: list[tuple[object, ...]] = []
        self._events: list[tuple[object, ...]] = []
        self._fold = Fold(0)
        self._versions: dict[str, int] = {}
        self._last_at: dict[int, object] = {}

    async def take(self, completed: Outcome | FiledGroup) -> None:
        """Take one kept answer, or one proven link with its events."""
        if isinstance(completed, Outcome):
            row = (completed.caller, completed.key, completed.fingerprint)
            self._outcomes.append((*row, completed.status, completed.answer))
        else:
            await self._take_group(completed)
        if len(self._events) + len(self._outcomes) >= BATCH_EVENTS:
            await self._write()

    async def _take_group(self, group: FiledGroup) -> None:
        link, partition = group.link, group.link.partition
        if partition != self._fold.partition:
            await self._write_views()
            self._fold, self._versions = Fold(partition), {}
        proofs = (bytes.fromhex(link.root), bytes.fromhex(link.link))
        self._links.append((partition, link.first, link.count, link.at, *proofs))
        for event in group.events:
            version = self._versions.get(event.stream, 0) + 1
            where = f"position {event.position} of partition {partition}"
            if event.version != version:
                raise NotProven(f"{where}: version {event.version} where {version} was due")
            if version == 1 and log.partition_of(event.stream, self._partitions) != partition:
                raise NotProven(f"{where}: {event.stream} does not live in this partition")
            self._versions[event.stream] = version
            self._fold.take(event.stream, event.fact)
            columns = (event.stream, event.version, event.type, event.event_id)
            self._events.append((partition, event.position, *columns, link.at, event.body))
        self._last_at[partition] = link.at

    async def _write(self) -> None:
        for table, columns, rows in (
            ("outcome", OUTCOME, self._outcomes),
            ("link", LINK, self._links),
            ("event", EVENT, self._events),
        ):
            if rows:
                await self._copy("log", table, columns, rows)
                rows.clear()

    async def _write_views(self) -> None:
        for view, rows in self._fold.rows().items():
            await self._copy("view", view, COLUMNS[view], rows)

    async def _copy(
        self, schema: str, table: str, columns: tuple[str, ...], rows: list[tuple[object, ...]]
    ) -> None:
        await self._connection.copy_records_to_table(
            table, schema_name=schema, columns=columns, records=rows
        )

    async def finish(self, proof: Proof) -> None:
        """Write what is left, and let the counters stand where the file's heads are."""
        await self._write()
        await self._write_views()
        for partition, (position, link) in proof.last.items():
            at = self._last_at.get(partition)
            await self._connection.execute(MOVE, partition, position, at, link)

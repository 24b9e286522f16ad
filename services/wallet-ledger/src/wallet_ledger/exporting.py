"""A ledger written to a file that proves itself, while clients write on."""

import os
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

import asyncpg

from events import log
from events.log import RecordedEvent
from events.outcomes import Outcome
from wallet_ledger.ledger_blocks import Blocks, Torn, is_compressed, lines_of, opened
from wallet_ledger.ledger_file import (
    EndLine,
    FiledGroup,
    HeadLine,
    LinkLine,
    OutcomesLine,
    event_line,
    header_line,
    outcome_line,
    written,
)
from wallet_ledger.ledger_proof import BadLine, Proof
from wallet_ledger.signed_file import write_signed

Progress = Callable[[int, int], None]
"""Called with (done, total) in events."""

READ_EVENTS = 5_000

SESSION = {"application_name": "kembalian export", "statement_timeout": "900s"}

HEADS = """
SELECT partition, position, encode(link, 'hex') AS link FROM log.counter
WHERE partition < 1000 ORDER BY partition
"""

OUTCOMES = """
SELECT caller, key, fingerprint, status, answer FROM log.outcome
ORDER BY caller COLLATE "C", key COLLATE "C"
"""

LINKS = """
SELECT first_position, count, (extract(epoch FROM recorded_at) * 1000000)::bigint AS at,
    encode(root, 'hex') AS root, encode(link, 'hex') AS link
FROM log.link WHERE partition = $1 AND first_position > $2 AND first_position <= $3
ORDER BY first_position LIMIT 1000
"""

LINK_AT = """
SELECT encode(link, 'hex') FROM log.link
WHERE partition = $1 AND first_position + count - 1 = $2 AND first_position <= $2
ORDER BY first_position DESC LIMIT 1
"""


class NotExportable(Exception):
    """The ledger is not what it must be (ask `kembalian verify`), or the file is another's."""


async def export_ledger(dsn: str, path: Path, progress: Progress) -> Proof:
    """Write the ledger as it is now to `path`, and return what was proven while it was written.

    The heads of this moment are in the file's header, so what clients write meanwhile is left out.
    Until it is whole the file is called `<path>.part`; if one lies there it is proven and gone on
    with. Beside it the newest checkpoint of what is in it is written, if one was signed. Raises
    NotExportable, OSError, asyncpg.PostgresError.
    """
    part = path.with_name(path.name + ".part")
    connection = await asyncpg.connect(dsn, timeout=10, server_settings=SESSION)
    try:
        with opened(part) as file:
            proof = _taken_up(file, compressed=is_compressed(path))
            blocks = Blocks(file, compressed=is_compressed(path))
            writing = _Writing(proof, blocks)
            try:
                if proof.header is None:
                    await _begin(connection, writing)
                await _check_heads(connection, proof)
                await _events(connection, writing, progress)
            except BadLine as error:
                raise NotExportable(f"the ledger does not prove itself: {error}") from error
            blocks.flush()
            os.fsync(file.fileno())
        await write_signed(connection, path, proof)
    finally:
        await connection.close()
    part.rename(path)
    return proof


class _Writing:
    """Every line is proven as a reader will prove it, before it is written."""

    def __init__(self, proof: Proof, blocks: Blocks) -> None:
        self.proof = proof
        self._blocks = blocks

    def line(self, line: bytes) -> object:
        """Write a line; return what it completes. Raises BadLine."""
        completed = self.proof.take(line)
        self._blocks.add(line)
        return completed

    def cut(self) -> None:
        """Say that the file may be gone on with from here."""
        self._blocks.cut()


def _taken_up(file: BinaryIO, *, compressed: bool) -> Proof:
    """Prove what lies in an unfinished file and cut off what is not whole; return the proof.

    Where not even the outcomes are complete, or a compressed block is spoilt, all begins anew.
    """
    proof, whole = Proof(), 0
    try:
        for line, ends in lines_of(file, compressed=compressed):
            proof.take(line)
            if proof.whole:
                whole = ends
    except Torn:
        pass
    except BadLine:
        if compressed:
            proof = Proof()
    if not proof.outcomes_done:
        proof, whole = Proof(), 0
    proof.forget_unfinished()
    file.seek(whole)
    file.truncate()
    return proof


async def _begin(connection: asyncpg.Connection, writing: _Writing) -> None:
    """Write heads and kept answers out of one snapshot."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        heads = await connection.fetch(HEADS)
        writing.line(written(header_line(HeadLine(*row) for row in heads)))
        async for row in connection.cursor(OUTCOMES, prefetch=READ_EVENTS):
            try:
                writing.line(outcome_line(Outcome(*row)))
            except UnicodeDecodeError as error:
                raise NotExportable(f"the answer kept for {row['key']} is no text") from error
            writing.cut()
    writing.line(written(OutcomesLine("outcomes", writing.proof.outcomes)))
    writing.cut()


async def _check_heads(connection: asyncpg.Connection, proof: Proof) -> None:
    """Refuse to go on with the file of another ledger."""
    assert proof.header is not None
    for head in proof.header.heads:
        link = await connection.fetchval(LINK_AT, head.partition, head.position)
        if head.position and link != head.link:
            raise NotExportable("the unfinished file is of another ledger: remove it")


async def _events(connection: asyncpg.Connection, writing: _Writing, progress: Progress) -> None:
    """Write links and events of all partitions up to the heads, then the end."""
    proof = writing.proof
    assert proof.header is not None
    total = sum(head.position for head in proof.header.heads)
    for head in proof.header.heads if not proof.ended else ():
        p, until = head.partition, head.position
        waiting: deque[RecordedEvent] = deque()
        read = proof.last[p][0]
        while rows := await connection.fetch(LINKS, p, proof.last[p][0], until):
            for row in rows:
                link = LinkLine("link", p, *row.values())
                while read < link.first + link.count - 1:
                    waiting.extend(await log.read(connection, p, read, READ_EVENTS))
                    if not waiting or waiting[-1].position == read:
                        raise NotExportable(f"partition {p}: nothing follows position {read}")
                    read = waiting[-1].position
                _group(writing, link, [waiting.popleft() for _ in range(link.count)])
            progress(proof.events, total)
    if not proof.ended:
        counts = (proof.outcomes, proof.links, proof.events)
        writing.line(written(EndLine("end", *counts, proof.digest.hexdigest())))


def _group(writing: _Writing, link: LinkLine, events: Sequence[RecordedEvent]) -> None:
    """Write a link and its events; the columns of their rows must be what the bodies say."""
    proven: object = None
    writing.line(written(link))
    for event in events:
        proven = writing.line(event_line(link.partition, event.position, event.body))
    assert isinstance(proven, FiledGroup)  # else the proof had refused it
    for event, filed in zip(events, proven.events, strict=True):
        row = (event.stream, event.version, event.type, event.event_id, event.recorded_at)
        if row != (filed.stream, filed.version, filed.type, filed.event_id, link.at):
            where = f"position {event.position} of partition {link.partition}"
            raise NotExportable(f"{where}: the row says something else than its body")
    writing.cut()

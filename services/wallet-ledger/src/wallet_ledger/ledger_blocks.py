"""A ledger's file on disk: written block by block, each whole, so that it can be gone on with.

With a name that ends in .gz each block is a gzip member of its own (`zcat` reads them all). Where
blocks begin depends on the content alone: equal ledgers give equal files.
"""

import fcntl
import gzip
import os
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

BLOCK_BYTES = 4_000_000
READ_BYTES = 1_000_000
LEVEL = 6


class InUse(Exception):
    """Another process writes the file."""


class Torn(Exception):
    """A compressed file that stops amid a block, or is none."""


def is_compressed(path: Path) -> bool:
    """Tell by its name whether a file is compressed; of an unfinished one by its later name."""
    return path.name.removesuffix(".part").endswith(".gz")


class Blocks:
    """Appends lines to a file; `cut` ends a block once it is long enough."""

    def __init__(self, file: BinaryIO, *, compressed: bool) -> None:
        self._file = file
        self._compressed = compressed
        self._lines: list[bytes] = []
        self._length = 0

    def add(self, line: bytes) -> None:
        """Add a line to the block."""
        self._lines.append(line)
        self._length += len(line)

    def cut(self) -> None:
        """Say that the file may be gone on with from here."""
        if self._length >= BLOCK_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write the block out."""
        block = b"".join(self._lines)
        if block:
            self._file.write(gzip.compress(block, LEVEL, mtime=0) if self._compressed else block)
            self._file.flush()
        self._lines.clear()
        self._length = 0


@contextmanager
def opened(path: Path) -> Generator[BinaryIO]:
    """Give a file to be gone on with, or a new one, which nobody else gets meanwhile.

    It may be renamed while it is held. Raises InUse, OSError.
    """
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_there = os.path.samestat(os.fstat(file.fileno()), path.stat())
        except (BlockingIOError, FileNotFoundError):
            is_there = False
        if not is_there:  # or its writer has just ended, and it has another name
            raise InUse(f"another export writes {path}")
        yield file


def blocks_of(file: BinaryIO, *, compressed: bool) -> Iterator[tuple[bytes, int]]:
    """Yield (some bytes, where in the file they end).

    Of a compressed file whole members only. Raises Torn at the end if it stops amid one.
    """
    if not compressed:
        done = 0
        while some := file.read(READ_BYTES):
            done += len(some)
            yield some, done
        return
    waiting, begun = b"", 0
    while waiting or (waiting := file.read(READ_BYTES)):
        member = zlib.decompressobj(wbits=31)
        whole, length = b"", 0
        while not member.eof:
            if not waiting and not (waiting := file.read(READ_BYTES)):
                raise Torn(f"the file stops amid the block that begins at byte {begun}")
            try:
                whole += member.decompress(waiting)
            except zlib.error as error:
                raise Torn(f"not compressed by gzip at byte {begun}: {error}") from error
            length += len(waiting) - len(member.unused_data)
            waiting = member.unused_data
        begun += length
        yield whole, begun


def lines_of(file: BinaryIO, *, compressed: bool) -> Iterator[tuple[bytes, int]]:
    """Yield (line, where a plain file, or the compressed block it lies in, ends after it).

    A last line without its end comes as it is. Raises Torn.
    """
    rest, begun = b"", 0
    for some, ends in blocks_of(file, compressed=compressed):
        lines = (rest + some).split(b"\n")
        rest = lines.pop()
        for line in lines:
            begun += len(line) + 1
            yield line + b"\n", ends if compressed else begun
    if rest:
        yield rest, begun

"""A ledger exported and imported: the same to the byte, and nothing that was tampered with."""

import fcntl
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest

from kembalian.grounds.databases import Databases
from kembalian.testing.commands import kembalian
from kembalian.testing.databases import MakeDatabase
from wallet_ledger import ledger_blocks, operations
from wallet_ledger.config import MIGRATIONS
from wallet_ledger.exporting import NotExportable, export_ledger
from wallet_ledger.importing import NotEmpty, NotProven, import_ledger, prove
from wallet_ledger.ledger_blocks import InUse, opened
from wallet_ledger.testing.history import History, make_history, members, stores

EVENTS = 300
TABLES = (
    "SELECT * FROM log.event ORDER BY partition, position",
    "SELECT * FROM log.link ORDER BY partition, first_position",
    "SELECT * FROM log.outcome ORDER BY caller, key",
    "SELECT partition, position, recorded_at, link FROM log.counter ORDER BY partition",
    "SELECT * FROM view.wallet ORDER BY partition, wallet_id",
    "SELECT * FROM view.payment ORDER BY partition, wallet_id, payment_id",
    "SELECT * FROM view.reversal ORDER BY partition, wallet_id, reversal_id",
)


def quiet(_done: int, _total: int) -> None:
    """Say nothing."""


@pytest.fixture(scope="module")
async def ledger(make_database: MakeDatabase) -> Databases:
    made = make_database("wallet-ledger", MIGRATIONS)
    await make_history(made.app_dsn, History(EVENTS, members(30), stores(3), group=20), processes=1)
    return made


@pytest.fixture
def empty(make_database: MakeDatabase) -> Databases:
    return make_database("wallet-ledger", MIGRATIONS)


@pytest.fixture(scope="module")
async def exported(ledger: Databases, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "ledger.ndjson"
    await export_ledger(ledger.app_dsn, path, quiet)
    return path


async def contents(made: Databases) -> list[list[tuple[object, ...]]]:
    connection = await asyncpg.connect(made.admin_dsn)
    try:
        return [list(map(tuple, await connection.fetch(query))) for query in TABLES]
    finally:
        await connection.close()


@pytest.mark.parametrize("name", ["again.ndjson", "again.ndjson.gz"])
async def test_a_round_trip_is_identical_to_the_byte(
    ledger: Databases, empty: Databases, tmp_path: Path, name: str
) -> None:
    first, again = tmp_path / f"first-{name}", tmp_path / name

    sent = await export_ledger(ledger.app_dsn, first, quiet)
    came = await import_ledger(empty.admin_dsn, first, quiet)
    await export_ledger(empty.app_dsn, again, quiet)
    found = [finding async for finding in operations.check(empty.app_dsn, quiet)]

    assert again.read_bytes() == first.read_bytes()
    assert await contents(empty) == await contents(ledger)
    assert (sent.events, came.events) == (EVENTS, EVENTS)
    assert came.outcomes >= EVENTS
    assert found == []


async def test_an_interrupted_export_goes_on_and_leaves_out_what_came_meanwhile(
    make_database: MakeDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_database("wallet-ledger", MIGRATIONS)
    await make_history(made.app_dsn, History(200, members(20), stores(3), group=9), processes=1)
    whole, path = tmp_path / "whole.ndjson.gz", tmp_path / "killed.ndjson.gz"
    monkeypatch.setattr(ledger_blocks, "BLOCK_BYTES", 2_000)
    await export_ledger(made.app_dsn, whole, quiet)

    def kill(done: int, _total: int) -> None:
        if done > 60:
            raise KeyboardInterrupt

    with suppress(KeyboardInterrupt):
        await export_ledger(made.app_dsn, path, kill)
    part = tmp_path / "killed.ndjson.gz.part"
    part.write_bytes(part.read_bytes() + b"\x1f\x8b\x08 torn")
    await make_history(made.app_dsn, History(50, members(20), stores(3), seed=2), processes=1)
    begun: list[int] = []
    await export_ledger(made.app_dsn, path, lambda done, _total: begun.append(done))

    assert begun[0] > 60
    assert path.read_bytes() == whole.read_bytes()
    assert not part.exists()


def test_two_exports_do_not_write_into_one_file(ledger: Databases, tmp_path: Path) -> None:
    path = tmp_path / "ledger.ndjson"
    words = ("export", str(path), "--database", ledger.app_dsn)

    with opened(tmp_path / "ledger.ndjson.part") as file:
        file.write(b"the first one's")
        file.flush()
        second = kembalian(tmp_path, *words)
        assert (tmp_path / "ledger.ndjson.part").read_bytes() == b"the first one's"
    later = kembalian(tmp_path, *words)

    assert (second.returncode, later.returncode) == (2, 0)
    assert f"another export writes {path}.part" in second.stderr
    assert prove(path, quiet).events == EVENTS


def test_a_file_that_got_its_last_name_meanwhile_is_not_written_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part, whole = tmp_path / "a.part", tmp_path / "a"
    part.write_bytes(b"whole")

    def renamed_at_last(_file: object, _how: int) -> None:
        part.rename(whole)

    monkeypatch.setattr(fcntl, "flock", renamed_at_last)

    with pytest.raises(InUse), opened(part):
        pass
    assert whole.read_bytes() == b"whole"


async def test_the_unfinished_file_of_another_ledger_is_not_gone_on_with(
    exported: Path, empty: Databases, tmp_path: Path
) -> None:
    path = tmp_path / "mine.ndjson"
    lines = lines_in(exported)
    path.with_name("mine.ndjson.part").write_bytes(b"".join(lines[:-20]))

    with pytest.raises(NotExportable, match="another ledger"):
        await export_ledger(empty.app_dsn, path, quiet)


def lines_in(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def event_at(lines: list[bytes], number: int) -> int:
    """Return the index of the event line `number`, from 0."""
    return [n for n, line in enumerate(lines) if line.startswith(b'{"kind":"event"')][number]


def flip_in_a_body(lines: list[bytes]) -> int:
    at = event_at(lines, 5)
    lines[at] = lines[at].replace(b'"kasir-1"', b'"kasir-2"')
    return at


def drop_an_event(lines: list[bytes]) -> int:
    at = event_at(lines, 5)
    del lines[at]
    return at


def swap_two_events(lines: list[bytes]) -> int:
    at = event_at(lines, 5)
    lines[at], lines[at + 1] = lines[at + 1], lines[at]
    return at


def drop_an_outcome(lines: list[bytes]) -> int:
    del lines[3]
    return next(n for n, line in enumerate(lines) if line.startswith(b'{"kind":"outcomes"'))


def change_an_answer(lines: list[bytes]) -> int:
    lines[3] = lines[3].replace(b"balance", b"Balance")
    return len(lines) - 1


def cut_the_tail(lines: list[bytes]) -> int:
    del lines[-30:]
    return len(lines)


def cut_the_tail_but_keep_the_end(lines: list[bytes]) -> int:
    links = [n for n, line in enumerate(lines) if line.startswith(b'{"kind":"link"')]
    del lines[links[-1] : -1]
    return len(lines) - 1


def space_a_line(lines: list[bytes]) -> int:
    lines[0] = lines[0].replace(b":", b": ", 1)
    return 0


def add_after_the_end(lines: list[bytes]) -> int:
    lines.append(lines[1])
    return len(lines) - 1


def record_after_the_end_of_time(lines: list[bytes]) -> int:
    at = next(n for n, line in enumerate(lines) if line.startswith(b'{"kind":"link"'))
    lines[at] = re.sub(rb'"recorded_at":\d+', b'"recorded_at":%d' % 10**18, lines[at])
    return at


TAMPERED: list[Callable[[list[bytes]], int]] = [
    flip_in_a_body,
    drop_an_event,
    swap_two_events,
    drop_an_outcome,
    change_an_answer,
    cut_the_tail,
    cut_the_tail_but_keep_the_end,
    space_a_line,
    add_after_the_end,
    record_after_the_end_of_time,
]


@pytest.mark.parametrize("tamper", TAMPERED)
def test_the_first_bad_line_is_named(
    exported: Path, tmp_path: Path, tamper: Callable[[list[bytes]], int]
) -> None:
    lines = lines_in(exported)
    at = tamper(lines)
    path = tmp_path / "tampered.ndjson"
    path.write_bytes(b"".join(lines))

    with pytest.raises(NotProven) as caught:
        prove(path, quiet)

    number = int(str(caught.value).split(":")[0].removeprefix("line "))
    if tamper is flip_in_a_body:  # the root is of all events of the link before them
        assert lines[number - 1].startswith(b'{"kind":"link"')
        assert number - 1 < at
    else:
        assert number - 1 in (at, at - 1)


async def test_a_bad_file_changes_nothing(exported: Path, empty: Databases, tmp_path: Path) -> None:
    lines = lines_in(exported)
    change_an_answer(lines)
    path = tmp_path / "tampered.ndjson"
    path.write_bytes(b"".join(lines))
    before = await contents(empty)

    with pytest.raises(NotProven, match="digest"):
        await import_ledger(empty.admin_dsn, path, quiet)

    assert await contents(empty) == before
    assert await import_ledger(empty.admin_dsn, exported, quiet)


async def test_a_ledger_is_never_written_over(exported: Path, ledger: Databases) -> None:
    before = await contents(ledger)

    with pytest.raises(NotEmpty, match="already"):
        await import_ledger(ledger.admin_dsn, exported, quiet)

    assert await contents(ledger) == before


async def test_a_spoilt_ledger_is_not_exported(make_database: MakeDatabase, tmp_path: Path) -> None:
    made = make_database("wallet-ledger", MIGRATIONS)
    await make_history(made.app_dsn, History(60, members(8), stores(2), group=5), processes=1)
    connection = await asyncpg.connect(made.admin_dsn)
    try:
        await connection.execute("SET session_replication_role = replica")
        await connection.execute(
            "UPDATE log.event SET body = body || ' '::bytea WHERE position = 2"
        )
    finally:
        await connection.close()

    with pytest.raises(NotExportable, match="does not prove itself"):
        await export_ledger(made.app_dsn, tmp_path / "spoilt.ndjson", quiet)

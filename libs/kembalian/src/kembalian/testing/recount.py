"""Counts again what clients were told, with nothing of the house's own code: to the rupiah."""

import json
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from kembalian.operators.live import LiveRun
from kembalian.testing.debts import Debts
from kembalian.testing.errands import FORBIDDEN, Errand, Operation, Wallet
from kembalian.testing.load import Load
from kembalian.testing.past import Line
from kembalian.testing.people import Person
from kembalian.testing.purse import TIMED_OUT, Purse
from kembalian.testing.standing import check_payments, check_reversals, reversals_of

EVENTS = """
SELECT event_id::text, convert_from(body, 'UTF8') FROM log.event
WHERE stream = %s AND partition < 1000 ORDER BY version
"""


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event of a wallet as the ledger holds it."""

    event_id: str
    data: dict[str, Any]


def statement(admin: Person, wallet: Wallet) -> list[dict[str, Any]]:
    """Return all entries of a wallet, oldest first."""
    return list(admin.all(f"/wallets/{wallet.member_id}/transactions"))


def recount(load: Load, live: LiveRun) -> Debts:
    """Compare every wallet with its clients' record, one to one; return what stores owe."""
    debts = Debts()
    with psycopg.connect(live.postgres_admin["wallet-ledger"]) as connection:
        recorded = {
            wallet: [
                Recorded(event_id, json.loads(body)["data"])
                for event_id, body in connection.execute(EVENTS, (wallet.member_id,))
            ]
            for wallet in load.wallets
        }
    listed = reversals_of(load)
    for wallet, events in recorded.items():
        purse, lines = retrace(commands_of(load.errands, wallet, events), events)
        entries = statement(load.admin, wallet)
        assert [{k: v for k, v in e.items() if k != "at"} for e in entries] == lines
        shown = load.admin.get(f"/wallets/{wallet.member_id}").json()
        assert shown["balance"] == shown["available"] == purse.balance
        assert {b["issuer"]: b["balance"] for b in shown["buckets"]} == {
            issuer: amount for issuer, amount in purse.buckets.items() if amount
        }
        check_reversals(purse, listed.get(wallet.member_id, {}))
        check_payments(load, wallet, purse)
        for entry in entries:
            debts.take(entry)
    return debts


def commands_of(
    errands: Iterable[Errand], wallet: Wallet, events: Sequence[Recorded]
) -> list[list[Operation]]:
    """Return what was asked of a wallet, in order: one by one, but refused batches as a whole.

    Of a batch that was refused for one entry, those after it are left out: nothing was said of
    them. Of a wallet that several clients use at once only what was acknowledged is judged, in the
    order in which it was recorded: nobody knows what the others were refused in the light of.
    """
    commands: list[list[Operation]] = []
    for errand in errands:
        decided = errand.operations
        if errand.refused_at is not None:
            decided = decided[: errand.refused_at + 1]
        mine = [operation for operation in decided if operation.wallet == wallet]
        assert all(_is_an_answer(operation) for operation in mine), mine
        if errand.refused_at is None:
            commands += [[operation] for operation in mine]
        elif mine:
            commands.append(mine)
    if wallet.owner is not None:
        return commands
    places = {event.event_id: n for n, event in enumerate(events)}
    told = [command for command in commands if command[0].acknowledged]
    return sorted(told, key=lambda command: places[command[0].event_ids()[0]])


def _is_an_answer(operation: Operation) -> bool:
    own = operation.kind == "approve" and operation.status == FORBIDDEN
    return own or operation.status in {0, 201, 409}


def retrace(
    commands: Iterable[Sequence[Operation]], events: Iterable[Recorded]
) -> tuple[Purse, list[Line]]:
    """Do all again; return the wallet as it must be, and its statement.

    What was acknowledged was right, said what it did, and is recorded once; what was refused was
    rightly so, and is not recorded; beyond that only holds have timed out that were left to, once.
    """
    purse, left = Purse(), deque(events)
    lines: list[Line] = []
    for command in commands:
        if not command[0].acknowledged:
            assert any(_rightly_refused(each, command) for each in _moments(purse, left)), command
            continue
        [operation] = command
        ids = operation.event_ids()
        while left and left[0].event_id != ids[0]:
            _time_out(purse, left.popleft())
        assert [e.event_id for e in list(left)[: len(ids)]] == ids, f"not recorded: {operation}"
        for _ in ids:
            left.popleft()
        lines += _done(purse, operation, ids)
    for event in left:
        _time_out(purse, event)
    assert not purse.held, "these holds did not end"
    return purse, lines


def _done(purse: Purse, operation: Operation, ids: Sequence[str]) -> list[Line]:
    """Return the lines of what was acknowledged, which said what it did."""
    done, answer = purse.do(operation), operation.said()
    assert done is not None, f"was to be refused: {operation}"
    said = {**done.said, "balance": purse.balance, "available": purse.available}
    assert {name: answer[name] for name in said} == said, operation
    assert len(ids) == done.events, operation
    return [{"event_id": i, **line} for i, line in zip(ids, done.lines, strict=False)]


def _time_out(purse: Purse, event: Recorded) -> None:
    assert event.data.get("reason") == "expired", f"nobody was told of {event}"
    purse.expire(event.data["payment_id"], event.data["amount"])


def _moments(purse: Purse, coming: Iterable[Recorded]) -> Iterator[Purse]:
    """Yield the wallet as it may have been when something was refused: holds time out meanwhile."""
    trial = purse.copy()
    yield trial.copy()
    for event in coming:
        if event.data.get("reason") != "expired" or event.data["payment_id"] not in trial.held:
            return
        _time_out(trial, event)
        yield trial.copy()


def _rightly_refused(trial: Purse, command: Sequence[Operation]) -> bool:
    """Tell whether all entries before the refused one were well, and that one was not."""
    for operation in command:
        if operation.status == 0:
            if trial.do(operation) is None:
                return False
            continue
        said, expected = operation.said(), trial.refusal(operation)
        if operation.kind in {"confirm", "release"}:  # only of what was left to time out
            return operation.short and said["type"] == TIMED_OUT
        return expected is not None and expected == {name: said.get(name) for name in expected}
    return True

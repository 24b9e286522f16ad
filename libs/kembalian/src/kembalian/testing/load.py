"""Clients that save, top up and redeem without pause, and keep their own record of every answer."""

import json
import random
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import httpx

from kembalian.testing.house import RunningHouse
from kembalian.testing.people import (
    Campus,
    Person,
    log_in,
    logged_in_again,
    new_campus,
    new_member,
)

CLIENTS = 4
WALLETS_EACH = 3
IMPATIENT = 0.03
"""So often a client hangs up at once, and asks again for what became of it."""

IMPATIENT_SECONDS = 0.005
ANSWER_SECONDS = 12.0
RETRY_SECONDS = 0.1
GIVE_UP_SECONDS = 90.0
IN_FLIGHT = "/problems/request-in-flight"
TOKEN_ENDED = 401


@dataclass(frozen=True, slots=True)
class Wallet:
    """A member's card; `owner` is the one client that uses it, None where all do."""

    member_id: str
    card_number: str
    owner: int | None


@dataclass(slots=True)
class Operation:
    """One command under one key, and its one answer after all tries."""

    key: str
    path: str
    store_id: str
    wallet: Wallet
    body: dict[str, Any]
    status: int = 0
    answer: bytes = b""
    tries: int = 0
    seconds: float = 0.0

    @property
    def acknowledged(self) -> bool:
        """True if the client was told that it took effect."""
        return self.status == 201

    def said(self) -> dict[str, Any]:
        """Return the answer's body."""
        return json.loads(self.answer)


@dataclass(slots=True)
class Load:
    """All clients of one run, their campus, and what they were told."""

    campus: Campus
    admin: Person
    wallets: Sequence[Wallet]
    operations: list[Operation] = field(default_factory=list[Operation])
    failures: list[BaseException] = field(default_factory=list[BaseException])
    seconds: float = 0.0

    def acknowledged(self) -> list[Operation]:
        """Return the operations that took effect."""
        return [operation for operation in self.operations if operation.acknowledged]

    def longest_outage_seconds(self) -> float:
        """Return how long a client waited at most for one answer, all tries together."""
        return max(operation.seconds for operation in self.operations)

    def per_second(self) -> float:
        """Return operations that were answered, per second."""
        return len(self.operations) / self.seconds


@contextmanager
def load(house: RunningHouse, *, seed: int, pause_seconds: float = 0.02) -> Generator[Load]:
    """Keep CLIENTS clients busy while the block runs; at its end each has its last answer."""
    campus, admin = new_campus(house), log_in(house, house.demo()["admin"])
    made = Load(campus, admin, _wallets(admin))
    stop = threading.Event()
    clients = [
        threading.Thread(target=_serve, args=(house, made, n, seed, pause_seconds, stop))
        for n in range(CLIENTS)
    ]
    began = time.monotonic()
    for client in clients:
        client.start()
    try:
        yield made
    finally:
        stop.set()
        for client in clients:
            client.join()
        made.seconds = time.monotonic() - began
        _renew_all(made)  # whoever judges the run needs tokens, and it may have been a long one
    assert not made.failures, made.failures


def _renew_all(load: Load) -> None:
    tills = {s: logged_in_again(till) or till for s, till in load.campus.tills.items()}
    load.campus = replace(load.campus, tills=tills)
    load.admin = logged_in_again(load.admin) or load.admin


def _wallets(admin: Person) -> list[Wallet]:
    owners = [None, *(n for n in range(CLIENTS) for _ in range(WALLETS_EACH))]
    members = [(new_member(admin), owner) for owner in owners]
    return [Wallet(m["member_id"], m["card_number"], owner) for m, owner in members]


def _serve(
    house: RunningHouse, load: Load, number: int, seed: int, pause: float, stop: threading.Event
) -> None:
    choose = random.Random(f"{seed}/{number}")  # noqa: S311 - a load, not a secret
    mine = [wallet for wallet in load.wallets if wallet.owner in (None, number)]
    try:
        with httpx.Client(base_url=house.url, timeout=ANSWER_SECONDS) as client:
            tills = {s: replace(p, client=client) for s, p in load.campus.tills.items()}
            while not stop.is_set():
                operation = _next(choose, mine, sorted(tills))
                _until_answered(tills, operation, choose)
                load.operations.append(operation)
                time.sleep(pause)
    except BaseException as error:  # noqa: BLE001 - told by the main thread
        load.failures.append(error)


def _next(choose: random.Random, wallets: list[Wallet], stores: list[str]) -> Operation:
    """Return the next command: mostly change and redemptions, some of them too large."""
    kind = choose.choices(["change", "redemptions", "topups", "cashouts"], [5, 5, 2, 1])[0]
    wallet = choose.choice(wallets)
    amount = choose.randint(1, 2_500)
    if kind == "change":
        sale, save = choose.randint(1, 50_000), choose.random() < 0.9
        body: dict[str, Any] = {"sale_total": sale, "tendered": sale + amount, "save": save}
    else:
        body = {"amount": amount}
    body["card_number"] = wallet.card_number
    key = f"{choose.getrandbits(64):016x}"
    return Operation(key, f"/pos/{kind}", choose.choice(stores), wallet, body)


def _until_answered(tills: dict[str, Person], operation: Operation, choose: random.Random) -> None:
    """Ask under the same key until the answer is the ledger's: 201, or a refusal that is kept.

    A till whose token has ended meanwhile is logged in again.
    """
    began = time.monotonic()
    hang_up = choose.random() < IMPATIENT
    while operation.seconds < GIVE_UP_SECONDS:
        operation.tries += 1
        till = tills[operation.store_id]
        answer = _ask(till, operation, IMPATIENT_SECONDS if hang_up else ANSWER_SECONDS)
        operation.seconds = time.monotonic() - began
        hang_up = False
        if answer is not None and answer.status_code == TOKEN_ENDED:
            tills[operation.store_id] = logged_in_again(till) or till
        elif answer is not None and not _passing(answer):
            operation.status, operation.answer = answer.status_code, answer.content
            return
        time.sleep(RETRY_SECONDS)
    raise AssertionError(f"no answer after {operation.seconds:.0f} s: {operation}")


def _ask(till: Person, operation: Operation, seconds: float) -> httpx.Response | None:
    try:
        return till.post(operation.path, operation.body, operation.key, timeout=seconds)
    except httpx.TransportError:
        return None


def _passing(answer: httpx.Response) -> bool:
    if answer.status_code == 409:
        return answer.json()["type"] == IN_FLIGHT
    return answer.status_code == 503

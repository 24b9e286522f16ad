"""Clients that move money in every way without pause, and keep their own record of every answer.

Single entries of tills, batches (all or none, too), holds that are confirmed in whole or in part,
let go, or left to time out; refunds of what was paid, and entries undone by two people.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

from events.log import partition_of
from kembalian.testing.client import Client
from kembalian.testing.drawing import Drawing
from kembalian.testing.errands import CHANNEL, Errand, Operation, Wallet
from kembalian.testing.house import RunningHouse
from kembalian.testing.people import (
    Campus,
    Person,
    log_in,
    logged_in_again,
    new_campus,
    new_member,
)
from kembalian.testing.speakers import Speakers, renewed, speakers_of
from wallet_ledger.config import PARTITIONS

CLIENTS = 4
WALLETS_EACH = 3
SPREAD_MIN = 6
"""In so many partitions of the ledger the wallets stand at least; ids are drawn by identity."""


@dataclass(slots=True)
class Load:
    """All clients of one run, their campus, and what they were told."""

    campus: Campus
    admin: Person
    speakers: Speakers
    wallets: Sequence[Wallet]
    errands: list[Errand] = field(default_factory=list[Errand])
    operations: list[Operation] = field(default_factory=list[Operation])
    failures: list[BaseException] = field(default_factory=list[BaseException])
    seconds: float = 0.0

    def acknowledged(self) -> list[Operation]:
        """Return the operations that took effect."""
        return [operation for operation in self.operations if operation.acknowledged]

    def kinds(self) -> Counter[str]:
        """Return how often each kind of thing was acknowledged, and batches by how they ended."""
        counted: Counter[str] = Counter(operation.kind for operation in self.acknowledged())
        for errand in self.errands:
            if errand.speaker == CHANNEL:
                ended = "refused" if errand.refused_at is not None else "entered"
                counted[f"batch all or none, {ended}" if errand.atomic else "batch"] += 1
        return counted

    def written(self) -> Counter[int]:
        """Return how many operations took effect in each partition of the ledger."""
        return Counter(_partition(operation.wallet) for operation in self.acknowledged())

    def longest_outage_seconds(self) -> float:
        """Return how long a client waited at most for one answer, all tries together."""
        return max(errand.seconds for errand in self.errands)

    def per_second(self) -> float:
        """Return operations that were answered, per second."""
        return len(self.operations) / self.seconds


@contextmanager
def load(
    house: RunningHouse, *, seed: int, pause_seconds: float = 0.02, atomic: bool = True
) -> Generator[Load]:
    """Keep CLIENTS clients busy while the block runs; at its end each has its last answer.

    No hold is open then. `atomic`: some batches are all or none; processes that share the ledger
    take partitions from each other for these, so it is a while until they share them evenly.
    """
    campus, admin = new_campus(house), log_in(house, house.demo()["admin"])
    made = Load(campus, admin, speakers_of(house, campus), _wallets(admin))
    stop = threading.Event()
    clients = [
        threading.Thread(
            target=_serve, args=(_client(house, made, n, seed, atomic), made, pause_seconds, stop)
        )
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


def _client(house: RunningHouse, load: Load, number: int, seed: int, atomic: bool) -> Client:
    """Return one of them, with wallets of its own and the one that all share."""

    def told(errand: Errand) -> None:
        load.errands.append(errand)
        load.operations += errand.operations

    choose = random.Random(f"{seed}/{number}")  # noqa: S311 - a load, not a secret
    mine = [wallet for wallet in load.wallets if wallet.owner in (None, number)]
    drawing = Drawing(choose, mine, sorted(load.campus.stores), atomic=atomic)
    return Client(house, load.speakers, choose, drawing, told)


def _serve(client: Client, load: Load, pause_seconds: float, stop: threading.Event) -> None:
    try:
        client.serve(pause_seconds, stop)
    except BaseException as error:  # noqa: BLE001 - told by the main thread
        load.failures.append(error)


def _renew_all(load: Load) -> None:
    load.speakers = {name: renewed(speaker) for name, speaker in load.speakers.items()}
    load.admin = logged_in_again(load.admin) or load.admin


def _wallets(admin: Person) -> list[Wallet]:
    """Make one for all and WALLETS_EACH for each client; more while they stand too close."""
    made: list[Wallet] = []
    for n in count(-1):
        owner = None if n < 0 else n % CLIENTS
        member = new_member(admin)
        made.append(Wallet(member["member_id"], member["card_number"], owner))
        if len(made) > CLIENTS * WALLETS_EACH and len(set(map(_partition, made))) >= SPREAD_MIN:
            break
    return made


def _partition(wallet: Wallet) -> int:
    return partition_of(wallet.member_id, PARTITIONS)

"""Clients that move money in every way without pause, and keep their own record of every answer.

Single entries of tills, batches (all or none, too), holds that are confirmed in whole or in part,
let go, or left to time out.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

import httpx

from events.log import partition_of
from kembalian.testing.drawing import Drawing
from kembalian.testing.errands import CHANNEL, ORDERS, Errand, Operation, Wallet
from kembalian.testing.house import RunningHouse
from kembalian.testing.orders import Orders
from kembalian.testing.people import (
    Campus,
    Person,
    log_in,
    logged_in_again,
    new_campus,
    new_member,
)
from kembalian.testing.speakers import Speakers, ask, renewed, speakers_of, with_client
from wallet_ledger.config import PARTITIONS

CLIENTS = 4
WALLETS_EACH = 3
SPREAD_MIN = 6
"""In so many partitions of the ledger the wallets stand at least; ids are drawn by identity."""

IMPATIENT = 0.03
"""So often a client hangs up at once, and asks again for what became of it."""

IMPATIENT_SECONDS = 0.005
ANSWER_SECONDS = 12.0
RETRY_SECONDS = 0.1
GIVE_UP_SECONDS = 90.0
TOKEN_ENDED = 401


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
            target=_Client(house, made, n, seed, atomic=atomic).serve, args=(pause_seconds, stop)
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


class _Client:
    """One of them, with wallets of its own and the one that all share."""

    def __init__(
        self, house: RunningHouse, load: Load, number: int, seed: int, *, atomic: bool
    ) -> None:
        self._house = house
        self._load = load
        self._choose = random.Random(f"{seed}/{number}")  # noqa: S311 - a load, not a secret
        mine = [wallet for wallet in load.wallets if wallet.owner in (None, number)]
        stores = sorted(load.campus.stores)
        self._drawing = Drawing(self._choose, mine, stores, atomic=atomic)
        self._speakers: Speakers = {}

    def serve(self, pause_seconds: float, stop: threading.Event) -> None:
        """Run errands until `stop`, then end what was begun."""
        try:
            with httpx.Client(base_url=self._house.url, timeout=ANSWER_SECONDS) as client:
                self._speakers = with_client(self._house, self._load.speakers, client)
                while not stop.is_set():
                    self._run(self._drawing.next())
                    time.sleep(pause_seconds)
                for errand in self._drawing.rest():
                    self._run(errand)
                for hold in self._drawing.left:
                    self._until_ended(hold)
        except BaseException as error:  # noqa: BLE001 - told by the main thread
            self._load.failures.append(error)

    def _run(self, errand: Errand) -> None:
        self._until_answered(errand)
        self._drawing.ended(errand)
        self._load.errands.append(errand)
        self._load.operations += errand.operations

    def _until_answered(self, errand: Errand) -> None:
        """Ask under the same keys until the answer is the ledger's: success, or a kept refusal.

        A speaker whose token has ended meanwhile is logged in again.
        """
        began = time.monotonic()
        hang_up = self._choose.random() < IMPATIENT
        while errand.seconds < GIVE_UP_SECONDS:
            errand.tries += 1
            speaker = self._speakers[errand.speaker]
            answer = ask(speaker, errand, IMPATIENT_SECONDS if hang_up else ANSWER_SECONDS)
            errand.seconds = time.monotonic() - began
            hang_up = False
            if answer is not None and answer.status_code == TOKEN_ENDED:
                self._speakers[errand.speaker] = renewed(speaker)
            elif answer is not None and errand.take(answer):
                return
            time.sleep(RETRY_SECONDS)
        raise AssertionError(f"no answer after {errand.seconds:.0f} s: {errand}")

    def _until_ended(self, hold: Operation) -> None:
        """Wait until a hold that was left to time out is no longer held."""
        orders, deadline = self._speakers[ORDERS], time.monotonic() + GIVE_UP_SECONDS
        assert isinstance(orders, Orders)
        while True:
            answer = orders.look(f"{hold.wallet.member_id}/holds/{hold.payment_id}")
            if answer.is_success and answer.json()["state"] != "held":
                return
            if answer.status_code == TOKEN_ENDED:
                orders.log_in()
            assert time.monotonic() < deadline, f"{hold} does not end: {answer.text}"
            time.sleep(RETRY_SECONDS)

"""One client of a load: it runs errand after errand, each until the ledger has answered it."""

import json
import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import httpx

from kembalian.testing.drawing import Drawing
from kembalian.testing.errands import ORDERS, Errand, Operation
from kembalian.testing.house import RunningHouse
from kembalian.testing.orders import Orders
from kembalian.testing.past import SHORTFALL
from kembalian.testing.speakers import Speakers, ask, renewed, with_client

IMPATIENT = 0.03
"""So often a client hangs up at once, and asks again for what became of it."""

IMPATIENT_SECONDS = 0.005
ANSWER_SECONDS = 12.0
RETRY_SECONDS = 0.1
GIVE_UP_SECONDS = 90.0
TOKEN_ENDED = 401


class Client:
    """Asks for what `drawing` draws, on its own connections; tells each errand once it is over."""

    def __init__(
        self,
        house: RunningHouse,
        speakers: Speakers,
        choose: random.Random,
        drawing: Drawing,
        told: Callable[[Errand], None],
    ) -> None:
        self._house = house
        self._speakers = speakers
        self._choose = choose
        self._drawing = drawing
        self._told = told

    def serve(self, pause_seconds: float, stop: threading.Event) -> None:
        """Run errands until `stop`, then end what was begun."""
        with httpx.Client(base_url=self._house.url, timeout=ANSWER_SECONDS) as client:
            self._speakers = with_client(self._house, self._speakers, client)
            while not stop.is_set():
                self._run(self._drawing.next())
                time.sleep(pause_seconds)
            for errand in self._drawing.rest():
                self._run(errand)
            for hold in self._drawing.left:
                self._until_ended(hold)

    def _run(self, errand: Errand) -> None:
        asked = [errand] if errand.rival is None else [errand, errand.rival]
        hang_ups = [self._choose.random() < IMPATIENT for _ in asked]
        if len(asked) == 1:
            self._until_answered(errand, hang_ups[0])
        else:
            with ThreadPoolExecutor(len(asked)) as threads:
                list(threads.map(self._until_answered, asked, hang_ups))
        for each in in_order(asked):
            self._drawing.ended(each)
            self._told(each)

    def _until_answered(self, errand: Errand, hang_up: bool) -> None:
        """Ask under the same keys until the answer is the ledger's: success, or a kept refusal.

        A speaker whose token has ended meanwhile is logged in again.
        """
        began = time.monotonic()
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


def in_order(rivals: Sequence[Errand]) -> list[Errand]:
    """Return what was asked at the same time in the order in which it was decided.

    What was done leaves nothing for the other, which then is refused for that; a refusal because
    the money is spent can only have come before.
    """

    def place(errand: Errand) -> int:
        if errand.status == 409 and json.loads(errand.answer)["type"] == SHORTFALL:
            return 0
        return 1 if errand.status == 201 else 2

    return sorted(rivals, key=place) if len(rivals) > 1 else list(rivals)

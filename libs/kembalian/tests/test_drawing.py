"""What the kill tests' load asks for: drawn by a seed, every kind and every refusal met."""

import json
import random
from collections import Counter
from itertools import count

from kembalian.testing.client import in_order
from kembalian.testing.corrections import REVERSALS
from kembalian.testing.drawing import Drawing
from kembalian.testing.errands import ADMIN, CHANNEL, FINANCE, Errand, Operation, Wallet
from kembalian.testing.purse import Purse

STORES = ("a", "b", "c")
ERRANDS = 1_500
CORRECTIONS = {"refund", "request", "approve", "reject"}


class Answers:
    """Answers as the ledger must: a wallet counted again decides, whoever asks first is first."""

    def __init__(self) -> None:
        self._purses: dict[str, Purse] = {}
        self._ids = count(1)
        self.met: Counter[tuple[str, int]] = Counter()
        self.refusals: set[tuple[str, str]] = set()

    def answer(self, errand: Errand) -> None:
        """Have one request answered; of a batch every entry by itself."""
        for operation in errand.operations:
            self._decide(operation)
        [*_, last] = errand.operations
        errand.status = 200 if errand.speaker == CHANNEL else last.status
        errand.answer = last.answer

    def _decide(self, operation: Operation) -> None:
        purse = self._purses.setdefault(operation.wallet.member_id, Purse())
        name = str(next(self._ids))
        refusal = purse.refusal(operation)
        if refusal is not None:
            operation.status = 403 if refusal["type"].endswith("forbidden") else 409
            operation.answer = json.dumps(refusal).encode()
            self.refusals.add((operation.kind, ",".join(sorted(refusal))))
        else:
            ids = {"event_id": name, "reversal_id": f"r{name}"}
            operation.status, operation.answer = 201, json.dumps(ids).encode()
            done = purse.do(operation)
            assert done is not None
            left = {"available": purse.available}
            operation.answer = json.dumps({**ids, **done.said, **left}).encode()
        self.met[operation.kind, operation.status] += 1


def run(seed: int, length: int) -> tuple[list[Errand], Answers]:
    """Return what one client asks for, two at once in the order in which they were drawn."""
    wallets = [Wallet(name, name, 0) for name in ("v", "w")]
    drawing = Drawing(random.Random(seed), wallets, STORES, atomic=True)
    answers, run = Answers(), list[Errand]()
    for _ in range(length):
        errand = drawing.next()
        asked = [errand] if errand.rival is None else [errand, errand.rival]
        for each in reversed(asked):
            answers.answer(each)
        for each in in_order(asked):
            drawing.ended(each)
        run += asked
    return run, answers


def test_one_seed_draws_the_same_errands_again_and_another_others() -> None:
    first, again, other = (
        [(e.speaker, e.path, e.key, e.body) for e in run(seed, 200)[0]] for seed in (1, 1, 2)
    )

    assert first == again
    assert first != other


def test_corrections_are_done_and_refused_in_every_way() -> None:
    errands, answers = run(3, ERRANDS)

    for kind, least in {"refund": 20, "request": 20, "approve": 10, "reject": 5}.items():
        assert answers.met[kind, 201] >= least, answers.met
    assert answers.met["approve", 403] > 0
    assert answers.refusals >= {
        ("refund", "refundable,type"),  # more than is left
        ("request", "state,type"),  # asked for twice, or for what is no entry of a till
        ("request", "available,type"),  # spent meanwhile
        ("approve", "available,type"),
        ("approve", "state,type"),  # decided already
        ("reject", "state,type"),
    }
    rivals = [(errand, errand.rival) for errand in errands if errand.rival is not None]
    assert {errand.operations[0].kind for errand, _ in rivals} == {"refund", "approve"}
    assert all({errand.status, other.status} != {201} for errand, other in rivals)
    staff = {errand.speaker for errand in errands if errand.path.startswith(REVERSALS)}
    assert staff == {ADMIN, FINANCE}
    corrected = sum(n for (kind, _), n in answers.met.items() if kind in CORRECTIONS)
    assert 0.05 * ERRANDS < corrected < 0.25 * ERRANDS, "most of what is asked for is else"

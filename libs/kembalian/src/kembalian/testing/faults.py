"""After a fault: is everything as the clients were told, and does `kembalian verify` agree?"""

import json
import random
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from kembalian.testing.commands import kembalian
from kembalian.testing.debts import Debts
from kembalian.testing.errands import CHANNEL
from kembalian.testing.house import RunningHouse
from kembalian.testing.load import Load
from kembalian.testing.recount import recount

SETTLEMENT_SECONDS = 20.0
REPEATED = 60


def until_settled(busy: Load, debts: Debts) -> None:
    """Wait until settlement shows what the statements add up to."""
    due = {store_id: debts.line(store_id) for store_id in busy.campus.stores}
    deadline = time.monotonic() + SETTLEMENT_SECONDS
    while True:
        answer = busy.admin.get("/settlement/positions", limit=200)
        items: list[dict[str, Any]] = answer.json()["items"] if answer.is_success else []
        shown = {
            item["store_id"]: {name: item[name] for name in due[item["store_id"]]}
            for item in items
            if item["store_id"] in due
        }
        if shown == due:
            return
        assert time.monotonic() < deadline, (shown, due, answer.text)
        time.sleep(0.2)


def report(busy: Load, killed: Sequence[str]) -> None:
    """Print what the run came to."""
    print(
        f"\n{len(busy.operations)} operations answered ({len(busy.acknowledged())} acknowledged),"
        f" {busy.per_second():.0f}/s; kills {dict(Counter(killed))};"
        f" a client waited {busy.longest_outage_seconds():.1f} s at most;"
        f" {dict(busy.kinds())}"
    )


def check_clean(house: RunningHouse) -> None:
    """Have `kembalian verify` look at all of it."""
    done = kembalian(house.home, "verify", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    verified = json.loads(done.stdout)
    assert (verified["clean"], verified["findings"], verified["lag"]) == (True, [], {})


def check_all(house: RunningHouse, busy: Load) -> None:
    """Compare ledger, statements and settlement with what the clients were told.

    What was asked once is then asked again: the answers are the same, and nothing moves.
    """
    until_settled(busy, recount(busy, house.live()))
    repeatable = [errand for errand in busy.errands if errand.repeatable]
    some = random.Random(1).sample(  # noqa: S311 - a sample, not a secret
        repeatable, min(REPEATED, len(repeatable))
    )
    for errand in some:
        again = busy.speakers[errand.speaker].post(errand.path, errand.body, errand.key)
        assert (again.status_code, again.content) == (errand.status, errand.answer)
        if errand.speaker != CHANNEL:
            assert again.headers["idempotent-replayed"] == "true"
    until_settled(busy, recount(busy, house.live()))
    check_clean(house)

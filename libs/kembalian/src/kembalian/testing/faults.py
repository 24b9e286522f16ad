"""After a fault: is everything as the clients were told, and does `kembalian verify` agree?"""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import httpx

from kembalian.operators.live import LiveRun
from kembalian.operators.reading import COULD_NOT_READ
from kembalian.operators.status import look
from kembalian.testing.commands import kembalian
from kembalian.testing.debts import Debts
from kembalian.testing.errands import CHANNEL, Errand, is_passing
from kembalian.testing.house import RunningHouse
from kembalian.testing.load import Load
from kembalian.testing.recount import recount

SETTLEMENT_SECONDS = 60.0
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


def until_at_rest(live: LiveRun) -> None:
    """Wait until every log is on its topic and handled by all who read it, as `status` sees it."""
    deadline = time.monotonic() + SETTLEMENT_SECONDS
    while True:
        with suppress(*COULD_NOT_READ):  # a topic that is being made anew
            shown = asyncio.run(look(live))
            if not any(line["lag"] for line in shown["logs"] + shown["consumers"]):
                return
        assert time.monotonic() < deadline, "it does not come to rest"
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


def asked_again(busy: Load, errand: Errand) -> httpx.Response:
    """Return the answer to an errand under its old key, asked for until it is the ledger's."""
    deadline = time.monotonic() + SETTLEMENT_SECONDS
    while True:
        again = busy.speakers[errand.speaker].post(errand.path, errand.body, errand.key)
        if not is_passing(again.status_code, again.content) or time.monotonic() > deadline:
            return again
        time.sleep(0.2)


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
        again = asked_again(busy, errand)
        assert (again.status_code, again.content) == (errand.status, errand.answer)
        if errand.speaker != CHANNEL:
            assert again.headers["idempotent-replayed"] == "true"
    until_settled(busy, recount(busy, house.live()))
    check_clean(house)

"""Plays the trial of 2016: nine visits to three tills, each exactly once over every restart."""

from dataclasses import dataclass
from typing import Any

from kembalian.demo.campus import STORES, Step, steps, trial_card
from kembalian.demo.door import Door
from kembalian.demo.logins import Logins

TENDERED = 10_000  # rupiah; the sale is so much less that the change is what the trial saved


@dataclass(frozen=True, slots=True)
class Trial:
    """The trial as it was answered: (visit, answer) in order, and the place after the last one."""

    visits: list[tuple[Step, dict[str, Any]]]
    ledger_position: str


async def play_trial(guest: Door, logins: Logins) -> Trial:
    """Let each store's cashier post the trial's visits, in the order of the file."""
    tills = {
        store.store_id: await guest.login(
            logins.cashier(store.store_id)["username"], logins.cashier(store.store_id)["password"]
        )
        for store in STORES
    }
    visits = [(step, await _visit(tills[step.store_id], step)) for step in steps()]
    return Trial(visits, str(visits[-1][1]["ledger_position"]))


async def _visit(till: Door, step: Step) -> dict[str, Any]:
    key = f"trial-2016-{step.number}"
    card: dict[str, object] = {"card_number": trial_card()}
    if step.saved:
        sale: dict[str, object] = {"sale_total": TENDERED - step.saved, "tendered": TENDERED}
        return await till.post("/pos/change", key, card | sale | {"save": True})
    return await till.post("/pos/redemptions", key, card | {"amount": step.paid})

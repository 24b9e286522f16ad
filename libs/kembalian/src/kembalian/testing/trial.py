"""The trial of 2016, played by three cashiers through the gateway at stores of its own."""

from dataclasses import dataclass
from typing import Any, cast

from kembalian.demo.campus import STORES, Step, golden, steps
from kembalian.testing.people import Campus, made

TENDERED = 10_000  # rupiah; the sale is so much less that the change is what the trial saved


@dataclass(frozen=True, slots=True)
class PlayedTrial:
    """What was answered to each visit, in the order of the file; `store_ids` by Store1..3."""

    campus: Campus
    store_ids: dict[str, str]
    visits: list[tuple[Step, dict[str, Any]]]
    entries: list[dict[str, Any]]

    @property
    def ledger_position(self) -> str:
        """The place of the ledger after the last visit."""
        return str(self.visits[-1][1]["ledger_position"])

    def store_of(self, step: Step) -> str:
        """Return the id, on this campus, of the store that a visit was at."""
        names = {store.store_id: store.in_figures for store in STORES}
        return self.store_ids[names[step.store_id]]

    def debts(self) -> list[dict[str, Any]]:
        """Return the rows of figures 11 and 12 with this campus's ids, times and events."""
        times = [line["at"] for line in golden()["transactions"]]
        found: list[dict[str, Any]] = []
        for debt in golden()["debts"]:
            entry = self.entries[times.index(debt["at"])]
            found.append(
                {
                    "at": entry["at"],
                    "debtor": self.store_ids[debt["debtor"]],
                    "creditor": self.store_ids[debt["creditor"]],
                    "card_number": self.campus.card_number,
                    "amount": debt["amount"],
                    "event_id": entry["event_id"],
                }
            )
        return found


def play(campus: Campus) -> PlayedTrial:
    """Post the nine visits, each at the till of its store, and read the statement after them."""
    named = zip(("Store1", "Store2", "Store3"), campus.stores, strict=True)
    trial = PlayedTrial(campus, dict(named), [], [])
    for step in steps():
        till = campus.tills[trial.store_of(step)]
        card = {"card_number": campus.card_number}
        if step.saved:
            sale = {"sale_total": TENDERED - step.saved, "tendered": TENDERED, "save": True}
            answer = made(till.post("/pos/change", card | sale))
        else:
            answer = made(till.post("/pos/redemptions", card | {"amount": step.paid}))
        trial.visits.append((step, answer))
    statement = campus.member.get("/wallets/me/transactions").json()
    trial.entries.extend(cast("list[dict[str, Any]]", statement["items"]))
    return trial

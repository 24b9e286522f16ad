"""What the demo prints: the trial's balances, who owes whom, and the logins."""

import io
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Table

from kembalian.demo.logins import Logins
from kembalian.demo.trial import Trial

WIDTH = 100


def balances(trial: Trial, wallet: dict[str, Any]) -> str:
    """Return the visits with the balance after each, and the buckets at the end."""
    rows = [
        (
            str(step.number),
            step.store_id,
            _rupiah(step.saved),
            _rupiah(step.paid),
            answer["balance"],
        )
        for step, answer in trial.visits
    ]
    visits = _table(
        "The trial of 2016: Susila, card 1000 (rupiah)",
        ("visit", "store", "saved", "paid", "balance"),
        rows,
    )
    buckets = ((bucket["issuer"], bucket["balance"]) for bucket in wallet["buckets"])
    return visits + _table("Who holds the balance", ("store", "balance"), buckets)


def debts(reports: Iterable[dict[str, Any]], positions: dict[str, Any]) -> str:
    """Return every debt of the receivables reports in order, and each store's position."""
    owed = [
        (row["at"], row["debtor"], row["creditor"], row["card_number"], row["amount"])
        for report in reports
        for row in report["rows"]
    ]
    names = ("receivable", "liability", "issued", "position")
    standing = ((item["store_id"], *(item[name] for name in names)) for item in positions["items"])
    return _table(
        "Debts (rupiah)", ("at", "debtor", "creditor", "card", "amount"), sorted(owed, key=_at)
    ) + _table("Positions (rupiah)", ("store", *names), standing)


def logins(known: Logins) -> str:
    """Return who can log in, with which password."""
    return _table("Logins", ("who", "user name", "password"), known.rows())


def _table(title: str, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    table = Table()
    money = {"saved", "paid", "balance", "amount", "receivable", "liability", "issued", "position"}
    for column in columns:
        table.add_column(column, justify="right" if column in money else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    out = io.StringIO()
    Console(file=out, width=WIDTH).print(title, table, sep="\n")
    return out.getvalue()


def _at(row: tuple[str, ...]) -> str:
    """Return the time of a debt; those of one payment stay in the order of its allocations."""
    return row[0]


def _rupiah(amount: int) -> str:
    """Return an amount as text, nothing for 0."""
    return str(amount) if amount else ""

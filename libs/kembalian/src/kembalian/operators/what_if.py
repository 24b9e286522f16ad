"""`kembalian what-if`: the debts between stores, had money been spent in another order."""

import asyncio
from typing import Annotated, Any

import typer

from events.envelope import MalformedEvent, UnknownEventType
from events.parallel import WorkFailed
from events.source import SourceEnded
from kembalian.operators.live import read_run
from kembalian.operators.reading import COULD_NOT_READ
from kembalian.operators.speaking import JSON_OPTION, fail, progress, say_json, say_table
from wallet_ledger.debts import Debts, Tally
from wallet_ledger.domain import InsufficientFunds
from wallet_ledger.orders_of_spending import ORDERS
from wallet_ledger.what_if_history import what_if as decide_anew

COULD_NOT = (
    InsufficientFunds,
    MalformedEvent,
    SourceEnded,
    UnknownEventType,
    WorkFailed,
    *COULD_NOT_READ,
)


def what_if(
    *,
    order: Annotated[str, typer.Option(help=f"One of {', '.join(ORDERS)}.")],
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Decide every spending of the log anew under another order; show how debts would change.

    Assumes the same purchases, payments, refunds and reversals for the same sums. Where a cash-out
    or an undone credit meets a bucket that the other order has emptied, the store pays as it did
    and the rest comes out of other buckets: such cases are counted as not covered. Only reads.
    """
    if order not in ORDERS:
        raise fail(f"there is no order {order}: one of {', '.join(ORDERS)}")
    try:
        with progress("what-if", quiet=as_json) as begin:
            dsn = read_run().postgres["wallet-ledger"]
            tally, place = asyncio.run(decide_anew(dsn, order, begin("events")))
    except COULD_NOT as error:
        raise fail(f"could not decide anew: {error or repr(error)}") from error
    except KeyboardInterrupt as stop:
        raise fail("interrupted: nothing is kept, begin again") from stop
    result = shown(tally, order, place)
    if as_json:
        say_json(result)
    else:
        _say(result)


def shown(tally: Tally, order: str, place: str) -> dict[str, Any]:
    """Return a tally as JSON: pairs, nets and counts under both orders, amounts in rupiah."""
    pairs = sorted(tally.today.owed.keys() | tally.then.owed.keys())
    today, then = tally.today.nets(), tally.then.nets()
    return {
        "order": order,
        "ledger_position": place,
        "spendings": tally.spendings,
        "allocated_otherwise": tally.otherwise,
        "not_covered": {"count": tally.uncovered, "amount": tally.uncovered_amount},
        "obligations": {"today": tally.today.obligations, "then": tally.then.obligations},
        "transfers": {"today": tally.today.transfers(), "then": tally.then.transfers()},
        "debts": [
            {"debtor": debtor, "creditor": creditor, **_both(tally, (debtor, creditor))}
            for debtor, creditor in pairs
        ],
        "nets": [
            {"store_id": store, **_change(today.get(store, 0), then.get(store, 0))}
            for store in sorted(today.keys() | then.keys())
        ],
    }


def _both(tally: Tally, pair: tuple[str, str]) -> dict[str, int]:
    def amount(debts: Debts) -> int:
        return debts.owed.get(pair, 0)

    return _change(amount(tally.today), amount(tally.then))


def _change(today: int, then: int) -> dict[str, int]:
    return {"today": today, "then": then, "difference": then - today}


def _say(result: dict[str, Any]) -> None:
    figures = ("today", "then", "difference")
    rows = [
        [line["debtor"], line["creditor"], *(str(line[name]) for name in figures)]
        for line in result["debts"]
    ]
    say_table("Debts (rupiah)", ["debtor", "creditor", *figures], rows, "No store owes another.")
    rows = [[line["store_id"], *(str(line[name]) for name in figures)] for line in result["nets"]]
    say_table("Nets (rupiah)", ["store", *figures], rows, "")
    spent = f"{result['allocated_otherwise']} of {result['spendings']} spendings"
    typer.echo(f"{spent} would have taken other buckets ({result['order']}).")
    for what, name in (
        ("obligations", "obligations"),
        ("transfers after netting", "transfers"),
    ):
        typer.echo(f"{what}: {result[name]['today']} today, {result[name]['then']} then")
    lacking = result["not_covered"]
    typer.echo(
        f"not covered by the other order: {lacking['count']} cases, {lacking['amount']} rupiah"
    )
    typer.echo(f"up to {result['ledger_position']}")

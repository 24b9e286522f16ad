"""Routes of positions and of a store's transactions."""

from typing import Annotated

from fastapi import Path

from events.place import Place
from settlement import answers, queries, transactions
from settlement.access import ReadsAll, ReadsStore, check_store
from settlement.moments import AtLeastQuery, Moment, MomentQuery
from settlement.resources import Uses
from settlement.transactions import Cursor
from web.models import StoreId
from web.paging import PageQuery
from web.period_query import OptionalPeriod
from web.route import router

routes = router("/api/v1")


@routes.get("/settlement/positions")
async def positions(_: ReadsAll, uses: Uses, moment: MomentQuery) -> answers.Positions:
    """Return where each store stands: what it is owed, owes, and holds of its customers."""
    async with uses.snapshots.at(moment) as snapshot:
        return answers.positions(snapshot, await queries.positions(snapshot))


@routes.get("/stores/{store_id}/transactions")
async def store_transactions(
    reader: ReadsStore,
    uses: Uses,
    store_id: Annotated[StoreId, Path()],
    period: OptionalPeriod,
    at_least: AtLeastQuery,
    page: PageQuery,
) -> answers.Transactions:
    """Return a store's entries, oldest first, with its position after each.

    All pages show the state that the first one was made of.
    """
    check_store(reader, store_id)
    await uses.directory.require_store(store_id)
    cursor = None if page.after is None else Cursor.parse(page.after)
    place: Place | None = None if cursor is None else cursor.place
    mark = None if cursor is None else cursor.after
    async with uses.snapshots.at(Moment(at_least.at_least, position=place)) as snapshot:
        lines = await transactions.lines(snapshot, store_id, period, mark, page.limit + 1)
        shown, more = lines[: page.limit], len(lines) > page.limit
        next_cursor = (
            page.next_cursor(Cursor(snapshot.place, shown[-1].mark).keys()) if more else None
        )
    items = [answers.transaction(line) for line in shown]
    return answers.Transactions(items=items, next_cursor=next_cursor)

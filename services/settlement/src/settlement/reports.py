"""Routes of the three reports, as JSON and CSV: equal bytes for an equal position."""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from fastapi import Query
from pydantic import BaseModel
from starlette.responses import Response

from settlement import answers, queries
from settlement.access import ReadsMember, ReadsStore, check_store, member_of
from settlement.moments import Moment, MomentQuery
from settlement.resources import Resources, Uses
from settlement.sheets import csv_bytes
from web.models import StoreId
from web.period_query import RequiredPeriod
from web.periods import Period
from web.route import router
from web.tokens import Principal

ME_OR_MEMBER: Final = r"^(me|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$"

MemberQuery = Annotated[str, Query(pattern=ME_OR_MEMBER)]
StoreQuery = Annotated[StoreId, Query()]
FormatQuery = Annotated[Literal["json", "csv"], Query(alias="format")]

CSV: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {"text/csv": {}}}}

routes = router("/api/v1/reports")


@routes.get("/member-transactions", response_model=answers.MemberReport, responses=CSV)
async def member_transactions(
    reader: ReadsMember,
    uses: Uses,
    member_id: MemberQuery,
    period: RequiredPeriod,
    moment: MomentQuery,
    shape: FormatQuery = "json",
) -> Response:
    """Return what a member saved and paid in a period, with the balance after each entry."""
    member = member_of(reader, member_id)
    if reader.role != "member":
        await uses.directory.require_member(member)
    async with uses.snapshots.at(moment) as snapshot:
        found = await queries.statement(snapshot, member, period)
        report = answers.member_report(snapshot, period, found)
    return _rendered(report, shape, answers.MemberRow, report.rows)


@routes.get("/receivables", response_model=answers.DebtReport, responses=CSV)
async def receivables(
    reader: ReadsStore,
    uses: Uses,
    store_id: StoreQuery,
    period: RequiredPeriod,
    moment: MomentQuery,
    shape: FormatQuery = "json",
) -> Response:
    """Return what others came to owe a store in a period: the store is the creditor."""
    report = await _debts(reader, uses, "creditor", store_id, period, moment)
    return _rendered(report, shape, answers.DebtRow, report.rows)


@routes.get("/liabilities", response_model=answers.DebtReport, responses=CSV)
async def liabilities(
    reader: ReadsStore,
    uses: Uses,
    store_id: StoreQuery,
    period: RequiredPeriod,
    moment: MomentQuery,
    shape: FormatQuery = "json",
) -> Response:
    """Return what a store came to owe others in a period: the store is the debtor."""
    report = await _debts(reader, uses, "debtor", store_id, period, moment)
    return _rendered(report, shape, answers.DebtRow, report.rows)


async def _debts(
    reader: Principal,
    uses: Resources,
    side: queries.Side,
    store_id: str,
    period: Period,
    moment: Moment,
) -> answers.DebtReport:
    check_store(reader, store_id)
    await uses.directory.require_store(store_id)
    async with uses.snapshots.at(moment) as snapshot:
        found = await queries.debts(snapshot, side, store_id, period)
        return answers.debt_report(snapshot, store_id, period, found)


def _rendered(
    report: BaseModel, shape: str, row: type[BaseModel], rows: Sequence[BaseModel]
) -> Response:
    if shape == "csv":
        columns = list(row.model_fields)
        return Response(csv_bytes(columns, rows), media_type="text/csv; charset=utf-8")
    return Response(report.model_dump_json(), media_type="application/json")

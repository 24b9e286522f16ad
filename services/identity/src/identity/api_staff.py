"""Cashiers and operators, managed by admins: `/cashiers...`, `/operators...`."""

from typing import Annotated, Any

from fastapi import Depends
from starlette.responses import Response

from identity import queries, staff
from identity.answers import staff_view
from identity.domain import Staff, StaffRole
from identity.models import CashierChanges, NewCashier, NewOperator, OperatorChanges
from identity.requests import CauseOf, KeyedOf, ResourcesOf
from identity.resources import Resources
from identity.store import Person
from web.kept import KeptResponse
from web.models import Username
from web.paging import Page, PageQuery
from web.problems import Problem
from web.route import router
from web.tokens import Principal, allow

routes = router("/api/v1")
Admin = Annotated[Principal, Depends(allow("admin"))]


@routes.post("/cashiers", status_code=201)
async def post_cashier(
    body: NewCashier, _: Admin, keyed: KeyedOf, resources: ResourcesOf
) -> Response:
    """Make a cashier of a store; the id is also the user name."""
    made = Staff("cashier", body.cashier_id, body.store_id)
    person = Person(body.cashier_id, body.name)
    answer = await staff.register(resources, keyed, made, person, body.password)
    return KeptResponse(answer.status, answer.body, replayed=answer.replayed)


@routes.get("/cashiers")
async def get_cashiers(_: Admin, page: PageQuery, resources: ResourcesOf) -> dict[str, Any]:
    """List cashiers by id."""
    return await _list(resources, "cashier", page)


@routes.get("/cashiers/{cashier_id}")
async def get_cashier(cashier_id: Username, _: Admin, resources: ResourcesOf) -> dict[str, Any]:
    """Show a cashier."""
    return await _view(resources, "cashier", cashier_id)


@routes.patch("/cashiers/{cashier_id}")
async def patch_cashier(
    cashier_id: Username, body: CashierChanges, _: Admin, cause: CauseOf, resources: ResourcesOf
) -> dict[str, Any]:
    """Change name, store or password; tokens given out before keep the old store till they end."""
    await staff.change(resources, "cashier", cashier_id, body.changes(), cause)
    return await _view(resources, "cashier", cashier_id)


@routes.post("/operators", status_code=201)
async def post_operator(
    body: NewOperator, _: Admin, keyed: KeyedOf, resources: ResourcesOf
) -> Response:
    """Make an operator of a store's public shop."""
    made = Staff("operator", body.username, body.store_id)
    person = Person(body.username, body.name, email=body.email)
    answer = await staff.register(resources, keyed, made, person, body.password)
    return KeptResponse(answer.status, answer.body, replayed=answer.replayed)


@routes.get("/operators")
async def get_operators(_: Admin, page: PageQuery, resources: ResourcesOf) -> dict[str, Any]:
    """List operators by user name."""
    return await _list(resources, "operator", page)


@routes.get("/operators/{username}")
async def get_operator(username: Username, _: Admin, resources: ResourcesOf) -> dict[str, Any]:
    """Show an operator."""
    return await _view(resources, "operator", username)


@routes.patch("/operators/{username}")
async def patch_operator(
    username: Username, body: OperatorChanges, _: Admin, cause: CauseOf, resources: ResourcesOf
) -> dict[str, Any]:
    """Change name, store, password or e-mail."""
    await staff.change(resources, "operator", username, body.changes(), cause)
    return await _view(resources, "operator", username)


async def _view(resources: Resources, role: StaffRole, username: str) -> dict[str, Any]:
    row = await queries.staff(resources.pool, role, username)
    if row is None:
        raise Problem("not-found")
    return staff_view(role, row)


async def _list(resources: Resources, role: StaffRole, page: Page) -> dict[str, Any]:
    after = "" if page.after is None else str(page.after[0])
    rows, total = await queries.staff_list(resources.pool, role, after, page.limit + 1)
    shown = rows[: page.limit]
    more = len(rows) > page.limit
    return {
        "items": [staff_view(role, row) for row in shown],
        "next_cursor": page.next_cursor([shown[-1].username]) if more else None,
        "total": total,
    }

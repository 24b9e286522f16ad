"""Members: `/members...`."""

from typing import Annotated, Any

from fastapi import Depends
from pydantic import TypeAdapter, ValidationError
from starlette.responses import Response

from identity import members, queries
from identity.answers import member_view
from identity.balances import balances
from identity.models import MemberChanges, NewMember
from identity.requests import CauseOf, KeyedOf, ResourcesOf
from identity.resources import Resources
from web.kept import KeptResponse
from web.models import MemberId
from web.paging import PageQuery
from web.problems import Problem, invalid
from web.route import router
from web.tokens import Principal, allow

routes = router("/api/v1/members")
Admin = Annotated[Principal, Depends(allow("admin"))]
AdminOrGuest = Annotated[Principal, Depends(allow("admin", guest=True))]
AdminOrMember = Annotated[Principal, Depends(allow("admin", "member"))]

MEMBER_ID: TypeAdapter[str] = TypeAdapter(MemberId)


@routes.post("", status_code=201)
async def post_member(
    body: NewMember, who: AdminOrGuest, keyed: KeyedOf, resources: ResourcesOf
) -> Response:
    """Register oneself, or a member at the counter. Only the first answer shows the password."""
    if body.card_number is not None and who.role != "admin":
        raise invalid("card_number", "is given out by an admin only")
    answer = await members.register(resources, keyed, body.form())
    return KeptResponse(answer.status, answer.body, replayed=answer.replayed)


@routes.get("")
async def get_members(_: Admin, page: PageQuery, resources: ResourcesOf) -> dict[str, Any]:
    """List members in the order of their registration, with balances in rupiah."""
    after = "" if page.after is None else str(page.after[0])
    rows, total = await queries.members(resources.pool, after, page.limit + 1)
    shown = rows[: page.limit]
    known = await balances(resources.wallet_ledger, [row.member_id for row in shown])
    more = len(rows) > page.limit
    return {
        "items": [member_view(row, known[row.member_id]) for row in shown],
        "next_cursor": page.next_cursor([shown[-1].member_id]) if more else None,
        "total": total,
    }


@routes.get("/{member_id}")
async def get_member(member_id: str, who: AdminOrMember, resources: ResourcesOf) -> dict[str, Any]:
    """Show a member; `me` is oneself, and another's id is 404."""
    return await _view(resources, _own_id(member_id, who))


@routes.patch("/{member_id}")
async def patch_member(
    member_id: str,
    body: MemberChanges,
    who: AdminOrMember,
    cause: CauseOf,
    resources: ResourcesOf,
) -> dict[str, Any]:
    """Change a member's data; a card number cannot be edited."""
    own = _own_id(member_id, who)
    await members.change(resources, own, body.model_dump(exclude_unset=True), cause)
    return await _view(resources, own)


def _own_id(member_id: str, who: Principal) -> str:
    """Return whose data are meant. Raises Problem 422 (no id) or 404 (not for this caller)."""
    if member_id == "me":
        if who.member_id is None:
            raise Problem("not-found")
        return who.member_id
    try:
        MEMBER_ID.validate_python(member_id)
    except ValidationError:
        raise invalid("member_id", "must be a member id or me") from None
    if who.role == "member" and member_id != who.member_id:
        raise Problem("not-found")
    return member_id


async def _view(resources: Resources, member_id: str) -> dict[str, Any]:
    row = await queries.member(resources.pool, member_id)
    if row is None:
        raise Problem("not-found")
    known = await balances(resources.wallet_ledger, [member_id])
    return member_view(row, known[member_id])

"""Who may read what: roles by route, and whose own data a reader with a place of his own sees."""

from typing import Annotated, Final

from fastapi import Depends

from web.problems import Problem, invalid
from web.tokens import Principal, allow

ALL_DATA: Final = ("admin", "finance", "auditor")
OWN_STORE: Final = ("cashier", "operator")
ME: Final = "me"

ReadsAll = Annotated[Principal, Depends(allow(*ALL_DATA))]
ReadsStore = Annotated[Principal, Depends(allow(*ALL_DATA, *OWN_STORE))]
ReadsMember = Annotated[Principal, Depends(allow(*ALL_DATA, "member"))]


def check_store(reader: Principal, store_id: str) -> None:
    """Raise Problem 404 if the reader stands in another store: a foreign id is no id to him."""
    if reader.role in OWN_STORE and reader.store_id != store_id:
        raise Problem("not-found", "there is no such store")


def member_of(reader: Principal, member_id: str) -> str:
    """Return the member meant. Raises Problem 404 for a foreign one, 422 for nobody's `me`."""
    if reader.role == "member":
        if reader.member_id is None or member_id not in (ME, reader.member_id):
            raise Problem("not-found", "there is no such member")
        return reader.member_id
    if member_id == ME:
        raise invalid("member_id", "must be an id: this login is no member's")
    return member_id

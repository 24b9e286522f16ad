"""Results and refusals to status and bytes: pure, and before the commit, since they are kept."""

import json
from dataclasses import dataclass
from typing import Any

from identity.domain import AlreadyExists, Member, Staff, StaffRole, name_field
from identity.queries import CardRow, MemberRow, StaffRow
from identity.store import Person
from web.problems import FieldError, problem_bytes, status_of


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to a command that was kept, or is being kept."""

    status: int
    body: bytes
    replayed: bool = False


def encode(value: object) -> bytes:
    """Return compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def member_registered(member: Member, username: str, password: str | None) -> Answer:
    """Return 201. What is kept has no password (None): the first answer alone shows it."""
    body = {
        "member_id": member.member_id,
        "username": username,
        "password": password,
        "card_number": member.card_number,
    }
    return Answer(201, encode(body))


def staff_registered(staff: Staff, person: Person) -> Answer:
    """Return 201 without the password, which the admin chose."""
    row = StaffRow(staff.username, person.name, staff.store_id, person.email)
    return Answer(201, encode(staff_view(staff.role, row)))


def already_exists(refusal: AlreadyExists) -> Answer:
    """Return 409 that names the field."""
    errors: list[FieldError] = [{"field": refusal.field, "message": "exists already"}]
    body = problem_bytes("already-exists", errors=errors)
    return Answer(status_of("already-exists"), body)


def staff_view(role: StaffRole, row: StaffRow) -> dict[str, Any]:
    """Return a cashier or an operator as the API shows them."""
    view: dict[str, Any] = {name_field(role): row.username, "name": row.name}
    view["store_id"] = row.store_id
    return view if role == "cashier" else {**view, "email": row.email}


def member_view(row: MemberRow, balance: int | None) -> dict[str, Any]:
    """Return a member as the API shows him; `balance` in rupiah, None while the ledger is down."""
    return {
        "member_id": row.member_id,
        "username": row.username,
        "name": row.name,
        "address": row.address,
        "identity_number": row.identity_number,
        "card_number": row.card_number,
        "auto_save_consent": row.auto_save_consent,
        "balance": balance,
    }


def card_view(row: CardRow) -> dict[str, Any]:
    """Return a card as the other services see it."""
    return {
        "member_id": row.member_id,
        "card_number": row.card_number,
        "auto_save_consent": row.auto_save_consent,
        "state": "active",
    }

"""The rules of identity: who may be registered, and what changes a registration."""

from dataclasses import dataclass, replace
from typing import Literal

StaffRole = Literal["cashier", "operator"]


class Rejected(Exception):
    """A command that a rule refuses; nothing has happened."""


class AlreadyExists(Rejected):
    """Somebody else has what `field` names: a card number, a user name."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


# --- members ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RegisterMember:
    """Make a member, with the card that stands for the wallet of the same id."""

    member_id: str
    card_number: str
    auto_save_consent: bool


@dataclass(frozen=True, slots=True)
class ChangeConsent:
    """Give consent to save small change without asking, or take it back."""

    auto_save_consent: bool


MemberCommand = RegisterMember | ChangeConsent


@dataclass(frozen=True, slots=True)
class MemberRegistered:
    """A member exists."""

    member_id: str
    card_number: str
    auto_save_consent: bool


@dataclass(frozen=True, slots=True)
class ConsentChanged:
    """The member's consent is another one now."""

    member_id: str
    auto_save_consent: bool


MemberEvent = MemberRegistered | ConsentChanged


@dataclass(frozen=True, slots=True)
class NoMember:
    """Before a registration; `card_taken`: the card asked for is another member's."""

    card_taken: bool = False


@dataclass(frozen=True, slots=True)
class Member:
    """A registered member. The card number never changes here."""

    member_id: str
    card_number: str
    auto_save_consent: bool


def decide_member(member: NoMember | Member, command: MemberCommand) -> list[MemberEvent]:
    """Return the events that `command` causes, [] if nothing changes. Raises Rejected."""
    match command:
        case RegisterMember(member_id, card_number, consent):
            if isinstance(member, Member):
                raise AlreadyExists("member_id")
            if member.card_taken:
                raise AlreadyExists("card_number")
            return [MemberRegistered(member_id, card_number, consent)]
        case ChangeConsent(consent):
            if isinstance(member, NoMember):
                raise Rejected("not registered")
            if member.auto_save_consent == consent:
                return []
            return [ConsentChanged(member.member_id, consent)]


def evolve_member(member: NoMember | Member, event: MemberEvent) -> NoMember | Member:
    """Apply one recorded fact. Never validates: history cannot be refused."""
    match event:
        case MemberRegistered(member_id, card_number, consent):
            return Member(member_id, card_number, consent)
        case ConsentChanged(_, consent):
            return (
                member
                if isinstance(member, NoMember)
                else replace(member, auto_save_consent=consent)
            )


# --- cashiers and operators -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RegisterStaff:
    """Make a cashier or an operator of a store."""

    role: StaffRole
    username: str
    store_id: str


@dataclass(frozen=True, slots=True)
class MoveStaff:
    """Have a cashier or an operator work for another store."""

    store_id: str


StaffCommand = RegisterStaff | MoveStaff


@dataclass(frozen=True, slots=True)
class StaffRegistered:
    """A cashier or an operator works for a store."""

    role: StaffRole
    username: str
    store_id: str


@dataclass(frozen=True, slots=True)
class StaffMoved:
    """A cashier or an operator works for another store now."""

    role: StaffRole
    username: str
    store_id: str


StaffEvent = StaffRegistered | StaffMoved


@dataclass(frozen=True, slots=True)
class NoStaff:
    """Before a registration; `username_taken`: somebody, of any role, has the name."""

    username_taken: bool = False


@dataclass(frozen=True, slots=True)
class Staff:
    """A registered cashier or operator."""

    role: StaffRole
    username: str
    store_id: str


def decide_staff(staff: NoStaff | Staff, command: StaffCommand) -> list[StaffEvent]:
    """Return the events that `command` causes, [] if nothing changes. Raises Rejected."""
    match command:
        case RegisterStaff(role, username, store_id):
            if isinstance(staff, Staff) or staff.username_taken:
                raise AlreadyExists(name_field(role))
            return [StaffRegistered(role, username, store_id)]
        case MoveStaff(store_id):
            if isinstance(staff, NoStaff):
                raise Rejected("not registered")
            if staff.store_id == store_id:
                return []
            return [StaffMoved(staff.role, staff.username, store_id)]


def evolve_staff(staff: NoStaff | Staff, event: StaffEvent) -> NoStaff | Staff:
    """Apply one recorded fact. Never validates: history cannot be refused."""
    match event:
        case StaffRegistered(role, username, store_id):
            return Staff(role, username, store_id)
        case StaffMoved(_, _, store_id):
            return staff if isinstance(staff, NoStaff) else replace(staff, store_id=store_id)


def name_field(role: StaffRole) -> str:
    """Return what the API calls the user name of `role`."""
    match role:
        case "cashier":
            return "cashier_id"
        case "operator":
            return "username"

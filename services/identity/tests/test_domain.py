"""The rules of registration as tables, and what system-made numbers and names look like."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.contracts import identity as contracts
from identity.cards import check_digit, is_valid, make_number
from identity.domain import (
    AlreadyExists,
    ChangeConsent,
    ConsentChanged,
    Member,
    MemberEvent,
    MemberRegistered,
    MoveStaff,
    NoMember,
    NoStaff,
    RegisterMember,
    RegisterStaff,
    Rejected,
    Staff,
    StaffMoved,
    StaffRegistered,
    decide_member,
    decide_staff,
    evolve_member,
    evolve_staff,
)
from identity.logins import issue_password, issue_username
from identity.publish import contract_of, stream_of

MEMBER = Member("m1", "1000", auto_save_consent=True)
CASHIER = Staff("cashier", "ani", "kantin")
OPERATOR = Staff("operator", "budi", "kantin")
REGISTER = RegisterMember("m1", "1000", auto_save_consent=True)


def test_a_registration_makes_a_member_with_a_card() -> None:
    assert decide_member(NoMember(), REGISTER) == [MemberRegistered("m1", "1000", True)]


@pytest.mark.parametrize(
    ("before", "field"), [(NoMember(card_taken=True), "card_number"), (MEMBER, "member_id")]
)
def test_what_exists_is_not_registered_again(before: NoMember | Member, field: str) -> None:
    with pytest.raises(AlreadyExists) as refused:
        decide_member(before, REGISTER)

    assert refused.value.field == field


def test_only_another_consent_is_an_event() -> None:
    assert decide_member(MEMBER, ChangeConsent(auto_save_consent=True)) == []
    changed = decide_member(MEMBER, ChangeConsent(auto_save_consent=False))
    assert changed == [ConsentChanged("m1", False)]


@pytest.mark.parametrize("role", ["cashier", "operator"])
def test_a_taken_user_name_is_named_as_the_form_names_it(role: str) -> None:
    field = {"cashier": "cashier_id", "operator": "username"}[role]
    command = RegisterStaff("cashier" if role == "cashier" else "operator", "ani", "kantin")
    with pytest.raises(AlreadyExists, match=field):
        decide_staff(NoStaff(username_taken=True), command)


def test_only_another_store_is_an_event() -> None:
    assert decide_staff(CASHIER, MoveStaff("kantin")) == []
    assert decide_staff(OPERATOR, MoveStaff("koperasi")) == [
        StaffMoved("operator", "budi", "koperasi")
    ]


def test_nobody_cannot_be_changed() -> None:
    with pytest.raises(Rejected):
        decide_member(NoMember(), ChangeConsent(auto_save_consent=True))
    with pytest.raises(Rejected):
        decide_staff(NoStaff(), MoveStaff("kantin"))


@given(st.lists(st.booleans()))
def test_the_last_consent_counts_and_the_card_stays(consents: list[bool]) -> None:
    state: NoMember | Member = NoMember()
    events: list[MemberEvent] = decide_member(state, REGISTER)
    for consent in consents:
        for event in events:
            state = evolve_member(state, event)
        events = decide_member(state, ChangeConsent(consent))
    for event in events:
        state = evolve_member(state, event)

    assert state == Member("m1", "1000", consents[-1] if consents else True)


def test_staff_follow_their_facts() -> None:
    registered = evolve_staff(NoStaff(), StaffRegistered("cashier", "ani", "kantin"))

    assert registered == CASHIER
    moved = evolve_staff(registered, StaffMoved("cashier", "ani", "koperasi"))
    assert moved == Staff("cashier", "ani", "koperasi")


PUBLISHED = [
    (
        MemberRegistered("m1", "1000", True),
        contracts.MemberRegistered(member_id="m1", card_number="1000", auto_save_consent=True),
        "m1",
    ),
    (
        ConsentChanged("m1", False),
        contracts.MemberConsentChanged(member_id="m1", auto_save_consent=False),
        "m1",
    ),
    (
        StaffRegistered("cashier", "ani", "kantin"),
        contracts.CashierRegistered(cashier_id="ani", store_id="kantin"),
        "cashier:ani",
    ),
    (
        StaffMoved("cashier", "ani", "kantin"),
        contracts.CashierMoved(cashier_id="ani", store_id="kantin"),
        "cashier:ani",
    ),
    (
        StaffRegistered("operator", "budi", "kantin"),
        contracts.OperatorRegistered(username="budi", store_id="kantin"),
        "operator:budi",
    ),
    (
        StaffMoved("operator", "budi", "kantin"),
        contracts.OperatorMoved(username="budi", store_id="kantin"),
        "operator:budi",
    ),
]


@pytest.mark.parametrize(("event", "contract", "stream"), PUBLISHED)
def test_every_fact_has_its_contract_and_stream(
    event: MemberEvent | StaffRegistered | StaffMoved, contract: object, stream: str
) -> None:
    assert contract_of(event) == contract
    assert stream_of(event) == stream


@pytest.mark.parametrize(
    ("digits", "check"), [("7992739871", "3"), ("0", "0"), ("1", "8"), ("411111111111111", "1")]
)
def test_the_check_digit_is_luhns(digits: str, check: str) -> None:
    assert check_digit(digits) == check


@given(st.from_regex(r"[0-9]{1,8}", fullmatch=True), st.integers(0, 15), st.integers(1, 9))
def test_one_wrong_digit_is_always_noticed(prefix: str, place: int, shift: int) -> None:
    number = make_number(prefix)
    assert len(number) == 16
    assert number.startswith(prefix)
    assert is_valid(number)

    other = str((int(number[place]) + shift) % 10)
    assert not is_valid(number[:place] + other + number[place + 1 :])


def test_card_numbers_do_not_follow_from_each_other() -> None:
    numbers = [make_number("9900") for _ in range(1_000)]

    assert len(set(numbers)) == 1_000
    assert all(len({number[place] for number in numbers}) == 10 for place in range(4, 16))


@given(st.text(min_size=1))
def test_an_issued_user_name_has_the_form_of_one(name: str) -> None:
    username = issue_username(name)

    assert 3 <= len(username) <= 64
    assert username.isascii()
    assert username == username.lower()


def test_issued_passwords_are_random_and_plain() -> None:
    passwords = {issue_password() for _ in range(100)}

    assert len(passwords) == 100
    assert all(len(password) == 16 and password.isalnum() for password in passwords)

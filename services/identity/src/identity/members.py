"""Commands on members: register, change."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import asyncpg
from uuid_utils.compat import uuid7

from events.envelope import Cause
from identity import answers, cards, logins, store
from identity.answers import Answer
from identity.domain import (
    AlreadyExists,
    ChangeConsent,
    Member,
    NoMember,
    RegisterMember,
    decide_member,
)
from identity.keyed import Keyed, earlier_answer, kept_answer, record, transaction
from identity.resources import Resources
from identity.store import Account, Person
from web.problems import Problem

TRIES_MAX: Final = 3
"""A number or name that the system made may exist already: then another one."""


@dataclass(frozen=True, slots=True)
class Form:
    """What a registration says; without `card_number` the system makes one."""

    name: str
    address: str
    identity_number: str
    auto_save_consent: bool
    email: str | None
    card_number: str | None


async def register(resources: Resources, keyed: Keyed, form: Form) -> Answer:
    """Make a member with login and card. Raises Problem 409 (in flight), 422 (key reused), 503."""
    kept = await kept_answer(resources.pool, keyed)
    if kept is not None:
        return kept
    password = logins.issue_password()
    password_hash = await resources.passwords.hash(password)
    for _ in range(TRIES_MAX):
        member = Member(
            str(uuid7()),
            form.card_number or cards.make_number(resources.settings.card_prefix),
            form.auto_save_consent,
        )
        username = logins.issue_username(form.name)
        account = Account(username, "member", member.member_id, password_hash)
        try:
            answer = await _register(resources.pool, keyed, form, member, account, password)
        except asyncpg.UniqueViolationError:
            continue
        resources.published()
        return answer
    raise Problem("unavailable")


async def _register(
    pool: asyncpg.Pool, keyed: Keyed, form: Form, member: Member, account: Account, password: str
) -> Answer:
    async with transaction(pool) as connection:
        earlier = await earlier_answer(connection, keyed)
        if earlier is not None:
            return earlier
        before = NoMember(await store.card_is_taken(connection, member.card_number))
        command = RegisterMember(member.member_id, member.card_number, member.auto_save_consent)
        try:
            decided = decide_member(before, command)
        except AlreadyExists as refusal:
            refused = answers.already_exists(refusal)
            await record(connection, [], version=0, cause=keyed.cause, keep=(keyed, refused))
            return refused
        kept = answers.member_registered(member, account.username, None)
        await record(connection, decided, version=0, cause=keyed.cause, keep=(keyed, kept))
        person = Person(account.username, form.name, form.address, form.identity_number, form.email)
        await store.add(connection, account, person)
    return answers.member_registered(member, account.username, password)


async def change(
    resources: Resources, member_id: str, changes: Mapping[str, Any], cause: Cause
) -> None:
    """Change what `changes` names: columns of Person, `auto_save_consent`. Raises Problem 404."""
    async with transaction(resources.pool) as connection:
        person = await store.lock_person(connection, "member", member_id)
        known = await store.member(connection, member_id)
        if person is None or known is None:
            raise Problem("not-found")
        member, version = known
        consent = changes.get("auto_save_consent", member.auto_save_consent)
        decided = decide_member(member, ChangeConsent(consent))
        await record(connection, decided, version=version, cause=cause)
        columns = {name: value for name, value in changes.items() if name != "auto_save_consent"}
        await store.change_person(connection, replace(person, **columns))
    resources.published()

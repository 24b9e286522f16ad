"""Commands on cashiers and operators: register, change."""

from dataclasses import dataclass, replace

from events.envelope import Cause
from identity import answers, sessions, store
from identity.answers import Answer
from identity.domain import (
    AlreadyExists,
    MoveStaff,
    NoStaff,
    RegisterStaff,
    Staff,
    StaffRole,
    decide_staff,
)
from identity.keyed import Keyed, earlier_answer, kept_answer, record, transaction
from identity.resources import Resources
from identity.store import Account, Person
from web.peers import Peer
from web.problems import Problem, invalid


@dataclass(frozen=True, slots=True)
class Changes:
    """What to change; None = leave it, except the e-mail, which `set_email` says to write."""

    name: str | None = None
    store_id: str | None = None
    password: str | None = None
    email: str | None = None
    set_email: bool = False


async def register(
    resources: Resources, keyed: Keyed, staff: Staff, person: Person, password: str
) -> Answer:
    """Make a cashier or an operator. Raises Problem 409 (in flight), 422 (no such store), 503."""
    kept = await kept_answer(resources.pool, keyed)
    if kept is not None:
        return kept
    await require_store(resources.catalog, staff.store_id)
    password_hash = await resources.passwords.hash(password)
    account = Account(staff.username, staff.role, staff.username, password_hash)
    async with transaction(resources.pool) as connection:
        earlier = await earlier_answer(connection, keyed)
        if earlier is not None:
            return earlier
        before = NoStaff(await store.username_is_taken(connection, staff.username))
        try:
            decided = decide_staff(
                before, RegisterStaff(staff.role, staff.username, staff.store_id)
            )
        except AlreadyExists as refusal:
            refused = answers.already_exists(refusal)
            await record(connection, [], version=0, cause=keyed.cause, keep=(keyed, refused))
            return refused
        made = answers.staff_registered(staff, person)
        await record(connection, decided, version=0, cause=keyed.cause, keep=(keyed, made))
        await store.add(connection, account, person)
    resources.published()
    return made


async def change(
    resources: Resources, role: StaffRole, username: str, changes: Changes, cause: Cause
) -> None:
    """Change a cashier or an operator. Raises Problem 404, 422 (no such store) or 503."""
    if changes.store_id is not None:
        await require_store(resources.catalog, changes.store_id)
    password_hash = None
    if changes.password is not None:
        password_hash = await resources.passwords.hash(changes.password)
    async with transaction(resources.pool) as connection:
        person = await store.lock_person(connection, role, username)
        known = await store.staff(connection, role, username)
        if person is None or known is None:
            raise Problem("not-found")
        staff, version = known
        decided = decide_staff(staff, MoveStaff(changes.store_id or staff.store_id))
        await record(connection, decided, version=version, cause=cause)
        await store.change_person(connection, _changed(person, changes))
        if password_hash is not None:
            await store.change_password(connection, username, password_hash)
            await sessions.end_all(connection, username)
    resources.published()


def _changed(person: Person, changes: Changes) -> Person:
    email = changes.email if changes.set_email else person.email
    return replace(person, name=changes.name or person.name, email=email)


async def require_store(catalog: Peer, store_id: str) -> None:
    """Ask the owner of stores. Raises Problem 422 that names store_id, or 503."""
    answer = await catalog.get(f"/api/v1/stores/{store_id}")
    if answer.status_code == 404:
        raise invalid("store_id", "there is no such store")
    if answer.status_code != 200:
        raise Problem("unavailable")

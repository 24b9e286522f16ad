"""Makes the campus through the gateway: every step may be repeated after an interruption."""

from collections.abc import Awaitable, Callable

from kembalian.demo.campus import (
    MEMBERS,
    MEMBERS_ADDRESS,
    STORES,
    Person,
    Store,
    cashier_id,
    operator_name,
)
from kembalian.demo.door import Door
from kembalian.demo.logins import Login, Logins
from kembalian.launcher.home import Home

Reissue = Callable[[str], Awaitable[str]]
"""Gives a user name a new password and returns it."""


async def make_campus(admin: Door, home: Home, logins: Logins, reissue: Reissue) -> None:
    """Make stores, cashiers, operators and members, and keep the login of each as it is made."""
    for store in STORES:
        body: dict[str, object] = {
            "store_id": store.store_id,
            "name": store.name,
            "address": store.address,
        }
        await admin.post("/stores", f"demo-store-{store.store_id}", body)
    for store in STORES:
        logins.add("cashiers", await _cashier(admin, home, store), by="store_id")
        logins.add("operators", await _operator(admin, home, store), by="store_id")
    for person in MEMBERS:
        if logins.member(person.card_number) is None:
            logins.add("members", await _member(admin, person, reissue), by="card_number")
    for store in STORES:  # last: they say that the campus is complete
        logins.add_store(store)


async def _cashier(admin: Door, home: Home, store: Store) -> Login:
    username = cashier_id(store)
    password = home.secret(f"demo-{username}")
    body: dict[str, object] = {
        "cashier_id": username,
        "name": f"Kasir {store.name}",
        "store_id": store.store_id,
        "password": password,
    }
    await admin.post("/cashiers", f"demo-{username}", body)
    return {"username": username, "password": password, "store_id": store.store_id}


async def _operator(admin: Door, home: Home, store: Store) -> Login:
    username = operator_name(store)
    password = home.secret(f"demo-{username}")
    body: dict[str, object] = {
        "username": username,
        "name": f"Pengelola {store.name}",
        "store_id": store.store_id,
        "password": password,
    }
    await admin.post("/operators", f"demo-{username}", body)
    return {"username": username, "password": password, "store_id": store.store_id}


async def _member(admin: Door, person: Person, reissue: Reissue) -> Login:
    """Register a member; the answer to a repeated request comes without the password."""
    body: dict[str, object] = {
        "name": person.name,
        "address": MEMBERS_ADDRESS,
        "identity_number": person.identity_number,
        "auto_save_consent": True,
        "card_number": person.card_number,
    }
    made = await admin.post("/members", f"demo-member-{person.card_number}", body)
    username = str(made["username"])
    return {
        "username": username,
        "password": str(made.get("password") or await reissue(username)),
        "member_id": str(made["member_id"]),
        "card_number": person.card_number,
    }

"""People of a house under test, each with a login of his own, and the campus they stand in."""

import asyncio
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import httpx

from identity.operations import bootstrap_user
from kembalian.testing.house import API, RunningHouse

REACHED_SECONDS = 30.0
PAGE = 200


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is logged in; answers are httpx responses, all but nothing is asked again.

    `login`: user name and password, where somebody may be logged in again.
    """

    client: httpx.Client
    token: str
    login: Mapping[str, str] | None = None

    def get(self, path: str, **query: str | int) -> httpx.Response:
        """GET a path of the API; `from_` stands for the query parameter `from`.

        With `at_least`, it is asked again while its place is not reached: that settlement needs 2 s
        at most is promised of a machine at rest, and one that runs tests is none.
        """
        named = {name.rstrip("_"): value for name, value in query.items()}
        deadline = time.monotonic() + REACHED_SECONDS
        while True:
            answer = self.client.get(API + path, params=named, headers=self._headers())
            late = "at_least" in query and answer.status_code == 503
            if not late or time.monotonic() > deadline:
                return answer

    def all(self, path: str) -> Iterator[dict[str, Any]]:
        """Yield all items of a list, page after page."""
        cursor: dict[str, str] = {}
        while True:
            answer = self.get(path, limit=PAGE, **cursor)
            assert answer.status_code == 200, answer.text
            page: dict[str, Any] = answer.json()
            yield from page["items"]
            if page["next_cursor"] is None:
                return
            cursor = {"cursor": page["next_cursor"]}

    def post(
        self, path: str, body: object = None, key: str | None = None, timeout: float = 30
    ) -> httpx.Response:
        """POST a JSON body under `key` (default: a new one); `timeout` in seconds."""
        headers = {**self._headers(), "Idempotency-Key": key or secrets.token_hex(8)}
        return self.client.post(API + path, json=body, headers=headers, timeout=timeout)

    def patch(self, path: str, body: object) -> httpx.Response:
        """PATCH with a JSON body."""
        return self.client.patch(API + path, json=body, headers=self._headers())

    def send(
        self,
        method: str,
        path: str,
        content: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Send bytes as they are to a whole path, with these headers and the login's token."""
        return self.client.request(
            method, path, content=content, headers={**self._headers(), **(headers or {})}
        )

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}


@dataclass(frozen=True, slots=True)
class Campus:
    """Three new stores with a cashier each, and one new member."""

    stores: tuple[str, ...]
    tills: dict[str, Person]
    member: Person
    member_id: str
    card_number: str


def log_in(house: RunningHouse, login: dict[str, Any]) -> Person:
    """Return the person who has this login."""
    body = {"username": login["username"], "password": login["password"]}
    answer = house.client.post(f"{API}/auth/token", json=body)
    assert answer.status_code == 200, answer.text
    return Person(house.client, answer.json()["access_token"], body)


def logged_in_again(person: Person) -> Person | None:
    """Return the same person with a token that begins now, None if there is none to be had."""
    try:
        answer = person.client.post(f"{API}/auth/token", json=person.login)
    except httpx.TransportError:
        return None
    return replace(person, token=answer.json()["access_token"]) if answer.is_success else None


def staff(house: RunningHouse, role: str) -> Person:
    """Return the admin, the finance officer or the auditor, logged in once for all tests."""
    if role not in house.tokens:
        house.tokens[role] = log_in(house, house.demo()[role]).token
    return Person(house.client, house.tokens[role])


def guest(house: RunningHouse) -> Person:
    """Return somebody who has not logged in."""
    return Person(house.client, "")


def new_campus(house: RunningHouse) -> Campus:
    """Make stores `<tag>-1` to `-3`, cashiers and a member: a test has them to itself."""
    admin = staff(house, "admin")
    tag = f"t{secrets.token_hex(6)}"
    stores = tuple(f"{tag}-{n}" for n in (1, 2, 3))
    tills: dict[str, Person] = {}
    for store_id in stores:
        store = {"store_id": store_id, "name": f"Toko {store_id}", "address": "Denpasar"}
        made(admin.post("/stores", store))
        cashier = {
            "cashier_id": f"kasir-{store_id}",
            "name": "Kasir",
            "store_id": store_id,
            "password": secrets.token_hex(8),
        }
        made(admin.post("/cashiers", cashier))
        login = {"username": cashier["cashier_id"], "password": cashier["password"]}
        tills[store_id] = log_in(house, login)
    member = new_member(admin)
    person = log_in(house, member)
    return Campus(stores, tills, person, member["member_id"], member["card_number"])


def with_new_member(house: RunningHouse, campus: Campus) -> Campus:
    """Return the same stores and tills with a member who is new."""
    member = new_member(staff(house, "admin"))
    person = log_in(house, member)
    return replace(
        campus, member=person, member_id=member["member_id"], card_number=member["card_number"]
    )


def new_channel(house: RunningHouse) -> Person:
    """Make a channel, which sends batches, in a house that has none, or another one."""
    return newly_bootstrapped(house, "channel")


def newly_bootstrapped(house: RunningHouse, role: str) -> Person:
    """Make another one of a role that no call gives, and log him in."""
    username, password = f"{role}-{secrets.token_hex(6)}", secrets.token_hex(8)
    database = house.live().postgres["identity"]
    asyncio.run(bootstrap_user(database, username, password, role, another=True))
    return log_in(house, {"username": username, "password": password})


def new_member(admin: Person, *, auto_save_consent: bool = True) -> dict[str, Any]:
    """Register a member at the counter; return the answer with his password."""
    person = {
        "name": "Susila",
        "address": "Denpasar",
        "identity_number": secrets.token_hex(6),
        "auto_save_consent": auto_save_consent,
    }
    return made(admin.post("/members", person))


def made(answer: httpx.Response) -> dict[str, Any]:
    """Return the body of a 201."""
    assert answer.status_code == 201, f"{answer.status_code} {answer.text}"
    return answer.json()

"""One person of every role with what each of them owns, and requests in their names."""

import http.client
import json
import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlencode, urlsplit

from kembalian.launcher.settings import STAFF
from kembalian.testing.calls import Call
from kembalian.testing.house import API, RunningHouse
from kembalian.testing.people import (
    Person,
    guest,
    log_in,
    made,
    new_campus,
    new_member,
    staff,
)

ACTING = ("cashier", "member", "channel", "admin")
"""In whose name a call is made: the first of them who may."""

IDLE_SECONDS_MAX = 5.0
SIGNED_SECONDS = 60.0

Body = bytes | Iterable[bytes] | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    content: bytes

    def json(self) -> dict[str, Any]:
        """Return the parsed body, an object."""
        return cast("dict[str, Any]", json.loads(self.content))


class Cast:
    """People by role; `values` fills the placeholders of kembalian.testing.calls."""

    def __init__(self, url: str, people: dict[str, Person], values: dict[str, str]) -> None:
        self.people = people
        self.values = values
        self._netloc = urlsplit(url).netloc
        self._connection: http.client.HTTPConnection | None = None
        self._used_at = 0.0

    def filled(self, text: str) -> str:
        """Return `text` with what its placeholders stand for."""
        return text.format_map({**self.values, "new_id": f"n{secrets.token_hex(6)}"})

    def body(self, call: Call) -> dict[str, Any]:
        """Return the body of a request that works."""
        return cast("dict[str, Any]", self._filled_in(call.body or {}))

    def _filled_in(self, value: object) -> object:
        match value:
            case str():
                return self.filled(value)
            case dict():
                members = cast("dict[str, object]", value)
                return {name: self._filled_in(member) for name, member in members.items()}
            case list():
                return [self._filled_in(item) for item in cast("list[object]", value)]
            case _:
                return value

    def target(self, call: Call, query: Iterable[tuple[str, str]] | None = None) -> str:
        """Return path and query of a request that works, or with another query."""
        given = call.query.items() if query is None else query
        asked = urlencode([(name, self.filled(value)) for name, value in given])
        return self.filled(API + call.path) + (f"?{asked}" if asked else "")

    def token(self, call: Call) -> str:
        """Return the token of somebody who may, '' if guests may."""
        role = next(role for role in ACTING if role in call.roles)
        return self.people[role].token

    def headers(self, call: Call) -> dict[str, str]:
        """Return the headers of a request that works, under a new key."""
        found = {"Authorization": f"Bearer {self.token(call)}"}
        if call.body is not None:
            found["Content-Type"] = "application/json"
        if call.keyed:
            found["Idempotency-Key"] = secrets.token_hex(8)
        return found

    def ask(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str | bytes],
        body: Body = None,
        *,
        more: Iterable[tuple[str, str]] = (),
    ) -> Answer:
        """Send exactly this, on the one connection that all requests share.

        `more` are fields after `headers`, of equal names too. Fails if the answer hangs up.
        """
        connection = self._open_connection()
        try:
            connection.putrequest(method, target, skip_accept_encoding=True)
            for name, value in (*headers.items(), *more):
                connection.putheader(name, value)
            chunked = body is not None and not isinstance(body, bytes)
            if chunked:
                connection.putheader("Transfer-Encoding", "chunked")
            elif isinstance(body, bytes):
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body, encode_chunked=chunked)
            response = connection.getresponse()
            content = response.read()
        except BaseException:
            self.close()  # the next request does not pay for this one
            raise
        self._used_at = time.monotonic()
        assert not response.will_close, f"{method} {target[:60]}: the connection was closed"
        return Answer(response.status, response.headers, content)

    def _open_connection(self) -> http.client.HTTPConnection:
        """Return the one connection; a new one if the server may have closed it for its age."""
        if time.monotonic() - self._used_at > IDLE_SECONDS_MAX:
            self.close()
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self._netloc, timeout=30)
        return self._connection

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def until_proven(reader: Person, event_id: str) -> None:
    """Wait until a signed checkpoint holds an event."""
    deadline = time.monotonic() + SIGNED_SECONDS
    while not reader.get(f"/ledger/events/{event_id}/proof").is_success:
        assert time.monotonic() < deadline, f"no checkpoint holds {event_id}"
        time.sleep(0.1)


def new_cast(house: RunningHouse) -> Cast:
    """Make a campus with somebody of every role; the member has a million rupiah there."""
    campus = new_campus(house)
    admin = staff(house, "admin")
    store_id = campus.stores[0]
    password = secrets.token_hex(8)
    operator = {"username": f"op-{store_id}", "password": password, "store_id": store_id}
    made(admin.post("/operators", {**operator, "name": "Putu"}))
    member = new_member(admin)
    card = {"card_number": member["card_number"], "amount": 1_000_000}
    topped_up = made(campus.tills[store_id].post("/pos/topups", card))
    until_proven(admin, topped_up["event_id"])
    people = {role: staff(house, role) for role in STAFF}
    people |= {
        "operator": log_in(house, operator),
        "cashier": campus.tills[store_id],
        "member": log_in(house, member),
        "guest": guest(house),
    }
    values = {
        "store_id": store_id,
        "foreign_store": campus.stores[1],
        "cashier_id": f"kasir-{store_id}",
        "operator": operator["username"],
        "member_id": member["member_id"],
        "card_number": member["card_number"],
        "username": member["username"],
        "password": member["password"],
        "foreign_member": campus.member_id,
        "foreign_card": campus.card_number,
        "event_id": topped_up["event_id"],
        "n": "1",
        "own_store": store_id,
        "own_member": member["member_id"],
        "own_card": member["card_number"],
        "unknown_id": "019aa6f2-7000-7000-8000-0000000000ff",
        "reversal_id": "019aa6f2-7000-7000-8000-0000000000ff",
    }
    return Cast(house.url, people, values)

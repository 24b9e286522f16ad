"""Bad ids in paths, paths that mean something else, methods that do not exist."""

import pytest

from kembalian.testing.calls import CALLS, Call
from kembalian.testing.cast import Cast
from kembalian.testing.house import API
from kembalian.testing.refusals import assert_refused

pytestmark = pytest.mark.usefixtures("no_events")

MALFORMED = (
    "%00", "a%00b", "%2e%2e", "..", ".", "%2e", "a%2fb", "..%2f..%2finternal", "a%5cb", "%0d%0aX:1",
    "%", "%zz", "%ff%fe", "%ED%A0%80", "%E2%80%AEqzxjw", "qzxjw%20qzxjw", "QZXJW", "%F0%9F%92%A9",
    "x" * 300, "x" * 5_000, "*", "null", "%22;DROP%20TABLE", "1.0", "-1",
    "%D9%A1%D9%A2%D9%A3%D9%A4",
)  # fmt: skip
UNKNOWN = {
    "{store_id}": "no-such-store",
    "{member_id}": "01a20000-0000-7000-8000-000000000000",
    "{cashier_id}": "no-such-cashier",
    "{operator}": "no-such-operator",
    "{card_number}": "0000111122223333",
}
INTERNAL = (
    "/internal/token", "/internal/cards/1000", "/internal/members/x", "/internal/balances",
    "/internal/place", "/internal/stores", "//internal/stores", "/%69nternal/stores",
    "/api/v1/../../internal/stores", "/api/v1/%2e%2e/%2e%2e/internal/stores", "/INTERNAL/stores",
    "/api/v1/stores/..%2f..%2f..%2finternal/stores", "/internal%2fstores", "/./internal/stores",
    "/api/v1/internal/stores", "/api/v1/stores//../internal", "/internal;/stores", "/internal/",
    "/api/v1/auth/../../../internal/token",
)  # fmt: skip
OTHER_METHODS = ("PUT", "DELETE", "TRACE", "OPTIONS", "PROPFIND", "POST", "PATCH", "GET")

with_id = pytest.mark.parametrize(
    "call", [call for call in CALLS if "{" in call.path], ids=lambda call: call.name
)


def admin_of(cast: Cast) -> dict[str, str]:
    return {"Authorization": f"Bearer {cast.people['admin'].token}"}


@with_id
def test_a_malformed_id_is_refused(cast: Cast, call: Call) -> None:
    before, _, after = call.path.partition("{")
    after = after.partition("}")[2]
    body = b'{"name": "Wayan"}' if call.method == "PATCH" else None
    for malformed in MALFORMED:
        target = f"{API}{before}{malformed}{after}"

        answer = cast.ask(call.method, target, cast.headers(call), body)

        assert_refused(answer, {"invalid-request", "not-found"}, about=target[:150])


@with_id
def test_an_unknown_id_is_not_found(cast: Cast, call: Call) -> None:
    path = call.path
    for name, unknown in UNKNOWN.items():
        path = path.replace(name, unknown)
    headers = cast.headers(call)
    if "admin" in call.roles:
        headers |= admin_of(cast)
    body = b'{"name": "Wayan"}' if call.method == "PATCH" else None

    answer = cast.ask(call.method, API + path, headers, body)

    assert_refused(answer, "not-found")


def test_nothing_internal_is_behind_the_gateway(cast: Cast) -> None:
    for path in INTERNAL:
        for method, body in (("GET", None), ("POST", b'{"member_ids": []}')):
            headers = {**admin_of(cast), "Content-Type": "application/json"}

            answer = cast.ask(method, path, headers, body)

            assert_refused(answer, "not-found", about=path)


def test_what_does_not_exist_is_not_found(cast: Cast) -> None:
    for path in ("/", "/api", "/api/v1", "/api/v1/nothing", "/api/v2/stores", "/favicon.ico"):
        assert_refused(cast.ask("GET", path, admin_of(cast)), "not-found", about=path)
    slash = cast.ask("GET", f"{API}/stores/", admin_of(cast))
    assert_refused(slash, {"not-found", "invalid-request"})


def test_other_methods_are_refused(cast: Cast) -> None:
    paths = {call.path for call in CALLS}
    for path in sorted(paths):
        known = {call.method for call in CALLS if call.path == path}
        for method in sorted(set(OTHER_METHODS) - known):
            answer = cast.ask(method, cast.filled(API + path), admin_of(cast))

            assert_refused(answer, "method-not-allowed", about=f"{method} {path}")

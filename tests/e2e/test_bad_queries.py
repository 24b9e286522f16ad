"""Bad query parameters at every call that has one: each is named, and nothing is guessed."""

from itertools import chain
from urllib.parse import quote

import pytest

from kembalian.testing.calls import CALLS, Call
from kembalian.testing.cast import Cast
from kembalian.testing.house import API, RunningHouse
from kembalian.testing.people import staff
from kembalian.testing.refusals import MARK, assert_refused

pytestmark = pytest.mark.usefixtures("no_events")

ODD = (f"{MARK}!", "", "%00", "%ff", "%ED%A0%80", "%E2%80%AE", "1'--", "x" * 3_000, "a%0d%0ab")
DATES = ("2026-13-01", "2026-02-30", "26-01-01", "2026-01-01T00:00:00Z", "0000-00-00", "20260101")
FOREIGN_DIGITS = quote("٢٠٢٦-٠١-٠١")
TIMES = ("2026-01-01", "2026-01-01T00:00:00", "2026-01-01T25:00:00Z", "1767225600", "yesterday")
FUTURE = ("2100-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z", "2026-01-01T00:00:00%2B99:99")
PLACES = ("0-5_0-6", "1-1_0-1", "0--1", "0-01", "99-1", "0-99999999999999999999", "0-1_", "-")
BAD = {
    "limit": (*ODD, "0", "-1", "201", "1.5", "1e2", "9" * 40, quote("５")),
    "cursor": (*ODD, "WyIiXQ.AAAA", "W10", "null"),
    "from": (*ODD, *DATES, FOREIGN_DIGITS, "9999-12-31"),
    "to": (*ODD, *DATES, FOREIGN_DIGITS),
    "as_of": (*ODD, *TIMES, *FUTURE),
    "at_least": (*ODD, *PLACES),
    "position": (*ODD, *PLACES),
    "checkpoint": (*ODD, "0", "-1", "1.5", "1e2", "9" * 40, quote("５")),
    "format": (*ODD, "xlsx", "pdf", "JSON", "csv%20"),
    "state": (*ODD, "Requested", "open", "requested%20"),
    "store_id": (*ODD, "A", "a", "-a", "..", "a_b", "a" * 33),
    "member_id": (*ODD, "A", "1", "00000000-0000-0000-0000-00000000000G", "Me"),
}
REPEATABLE = {"limit": "5", "format": "csv", "from": "2026-01-01", "to": "2026-01-02"}


def parameters(house: RunningHouse) -> dict[str, list[str]]:
    """Return the query parameters of each call, as the API document names them."""
    document = staff(house, "admin").client.get("/openapi.json").json()
    found: dict[str, list[str]] = {}
    for call in CALLS:
        path = API + call.path.replace("{card_number}", "{number}")
        item = document["paths"][path.replace("{operator}", "{username}")][call.method.lower()]
        named = [p["name"] for p in item.get("parameters", []) if p["in"] == "query"]
        found[call.name] = named
    return found


def with_query(cast: Cast, call: Call, name: str, *values: str) -> str:
    """Return a target whose parameter `name` has these values, as they are."""
    rest = [(n, value) for n, value in call.query.items() if n != name]
    target = cast.target(call, rest)
    asked = "&".join(f"{name}={value}" for value in values)
    return f"{target}{'&' if '?' in target else '?'}{asked}"


def test_every_query_parameter_is_in_the_table(house: RunningHouse) -> None:
    assert set(chain.from_iterable(parameters(house).values())) == set(BAD)


def test_bad_values_are_refused_by_the_parameter_s_name(house: RunningHouse, cast: Cast) -> None:
    for call in CALLS:
        for name in parameters(house)[call.name]:
            for value in BAD[name]:
                target = with_query(cast, call, name, value)

                answer = cast.ask("GET", target, cast.headers(call))

                assert_refused(answer, "invalid-request", field=name, about=target[:150])


def test_a_parameter_given_twice_is_refused(house: RunningHouse, cast: Cast) -> None:
    for call in CALLS:
        for name in parameters(house)[call.name]:
            good = call.query.get(name, REPEATABLE.get(name, "0-0"))
            target = with_query(cast, call, name, *[cast.filled(good)] * 2)

            answer = cast.ask("GET", target, cast.headers(call))

            assert_refused(answer, "invalid-request", field=name, about=target)


def test_what_a_report_needs_is_named_when_it_is_missing(cast: Cast) -> None:
    for call in (call for call in CALLS if call.query):
        for name in call.query:
            rest = [(other, value) for other, value in call.query.items() if other != name]

            answer = cast.ask("GET", cast.target(call, rest), cast.headers(call))

            assert_refused(answer, "invalid-request", field=name, about=call.name)


def test_a_period_does_not_end_before_it_begins(house: RunningHouse, cast: Cast) -> None:
    for call in CALLS:
        if "from" in parameters(house)[call.name]:
            period = {**call.query, "from": "2026-02-02", "to": "2026-02-01"}

            answer = cast.ask("GET", cast.target(call, period.items()), cast.headers(call))

            assert_refused(answer, "invalid-request", field="from", about=call.name)


def test_a_cursor_continues_only_the_list_that_gave_it(house: RunningHouse, cast: Cast) -> None:
    admin = staff(house, "admin")
    given = admin.get("/stores", limit=1).json()["next_cursor"]
    assert admin.get("/stores", limit=1, cursor=given).status_code == 200

    for call in CALLS:
        if "cursor" in parameters(house)[call.name] and call.path != "/stores":
            target = with_query(cast, call, "cursor", given)
            answer = cast.ask("GET", target, cast.headers(call))
            assert_refused(answer, "invalid-request", field="cursor", about=call.name)
    forged = given[:-1] + ("A" if given[-1] != "A" else "B")
    answer = admin.get("/stores", limit=1, cursor=forged)
    assert answer.status_code == 422


def test_what_is_unknown_is_not_found_and_never_an_empty_report(cast: Cast) -> None:
    unknown = {
        "store_id": "no-such-store",
        "member_id": "01a20000-0000-7000-8000-000000000000",
    }
    for call in (call for call in CALLS if set(unknown) & set(call.query)):
        query = {**call.query, **{k: v for k, v in unknown.items() if k in call.query}}
        headers = cast.headers(call) | {"Authorization": f"Bearer {cast.people['admin'].token}"}

        answer = cast.ask("GET", cast.target(call, query.items()), headers)

        assert_refused(answer, "not-found", about=call.name)


def test_a_state_is_asked_for_in_one_way_only(house: RunningHouse, cast: Cast) -> None:
    for call in CALLS:
        if {"as_of", "position"} <= set(parameters(house)[call.name]):
            both = {**call.query, "as_of": "2026-01-01T00:00:00Z", "position": "0-0"}

            answer = cast.ask("GET", cast.target(call, both.items()), cast.headers(call))

            assert_refused(answer, "invalid-request", field="position", about=call.name)

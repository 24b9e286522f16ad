"""Keys, fingerprints, pages, periods and moments of a request."""

from datetime import UTC, datetime
from inspect import iscoroutinefunction

import httpx
import pytest

from web.idempotency import caller_of, fingerprint, idempotency_key
from web.models import Body
from web.paging import page
from web.period_query import optional_period, required_period
from web.periods import parse_time, timestamp
from web.problems import Problem
from web.tokens import Principal


@pytest.mark.parametrize("key", ["a", "!~ b", "x" * 255])
async def test_a_key_is_taken_as_it_is(client: httpx.AsyncClient, key: str) -> None:
    answer = await client.post("/api/keyed", headers={"idempotency-key": key})

    assert answer.json() == {"key": key}


async def test_a_missing_key_is_400(client: httpx.AsyncClient) -> None:
    for headers in ({}, {"idempotency-key": ""}):
        answer = await client.post("/api/keyed", headers=headers)
        assert answer.status_code == 400
        assert answer.json()["type"] == "/problems/idempotency-key-missing"


@pytest.mark.parametrize("key", [b"x" * 256, b"caf\xe9", b"a\tb", b"a\x7f"])
async def test_a_malformed_key_is_422(client: httpx.AsyncClient, key: bytes) -> None:
    answer = await client.post("/api/keyed", headers={b"idempotency-key": key})

    assert answer.json()["errors"][0]["field"] == "Idempotency-Key"


def test_a_fingerprint_is_of_method_path_and_meaning() -> None:
    first = fingerprint("POST", "/a", {"x": 1, "y": "é"})

    assert len(first) == 32
    assert first == fingerprint("POST", "/a", {"y": "é", "x": 1})
    others: list[tuple[str, str, object]] = [
        ("PUT", "/a", {}),
        ("POST", "/b", {}),
        ("POST", "/a", {"x": 2, "y": "é"}),
    ]
    assert all(first != fingerprint(*other) for other in others)
    with pytest.raises(Problem):
        fingerprint("POST", "/a", {"x": 2**53})


def test_guests_share_no_keys() -> None:
    one, two = fingerprint("POST", "/a", 1), fingerprint("POST", "/a", 2)

    assert caller_of(Principal("guest", "gateway"), one) != caller_of(Principal("guest", "x"), two)
    assert caller_of(Principal("cashier", "ani"), one) == "cashier:ani"


async def test_a_cursor_continues_its_own_list_only(client: httpx.AsyncClient) -> None:
    first = (await client.get("/api/lists?limit=3&search=a")).json()
    cursor = first["next_cursor"]

    second = await client.get("/api/lists", params={"limit": 2, "search": "a", "cursor": cursor})
    assert second.json()["items"] == [3, 4]
    assert len((await client.get("/api/lists")).json()["items"]) == 50
    for bad in ({"cursor": cursor, "search": "b"}, {"cursor": cursor[:-1]}, {"cursor": "x" * 9000}):
        answer = await client.get("/api/lists", params=bad)
        assert answer.json()["errors"][0]["field"] == "cursor"


QUERIES = [
    ("limit=0", "limit"),
    ("limit=201", "limit"),
    ("limit=", "limit"),
    ("limit=x", "limit"),
    ("limit=1e2", "limit"),
    ("limit=1&limit=2", "limit"),
    ("cursor=", "cursor"),
    ("cursor=abc", "cursor"),
    ("cursor=%ff%00", "cursor"),
    ("from=2026-1-1", "from"),
    ("from=20260101", "from"),
    ("from=2026-02-30", "from"),
    ("to=0001-01-01", "to"),
    ("to=9999-12-31", "to"),
    ("to=", "to"),
    ("from=2026-01-02&to=2026-01-01", "from"),
    ("search=a&search=b", "search"),
    ("from=2026-01-01&from=2026-01-01", "from"),
]


@pytest.mark.parametrize(("query", "field"), QUERIES)
async def test_a_bad_query_is_422_by_its_field(
    client: httpx.AsyncClient, query: str, field: str
) -> None:
    answer = await client.get(f"/api/lists?{query}")

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_unknown_parameters_are_ignored(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/lists?colour=red&colour=blue")).status_code == 200


async def test_days_are_of_the_configured_zone_and_inclusive(client: httpx.AsyncClient) -> None:
    answer = (await client.get("/api/lists?from=2016-10-05&to=2016-10-05")).json()

    assert answer["start"] == "2016-10-04T16:00:00.000000Z"
    assert answer["end"] == "2016-10-05T16:00:00.000000Z"


async def test_a_report_needs_both_days(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/reports")

    assert [error["field"] for error in answer.json()["errors"]] == ["from", "to"]
    assert (await client.get("/api/reports?from=2026-01-01&to=2090-01-01")).status_code == 200


MOMENTS = [
    ("2026-11-22T10:00:00Z", "2026-11-22T10:00:00.000000Z"),
    ("2026-11-22T18:00:00.123456+08:00", "2026-11-22T10:00:00.123456Z"),
    ("2026-11-22t10:00:00.1234567z", "2026-11-22T10:00:00.123456Z"),
    ("2026-11-22T10:00:00.5-00:00", "2026-11-22T10:00:00.500000Z"),
]


@pytest.mark.parametrize(("text", "expected"), MOMENTS)
def test_moments_of_rfc_3339_are_read(text: str, expected: str) -> None:
    assert (
        timestamp(parse_time(text, field="as_of", now=datetime(2027, 1, 1, tzinfo=UTC))) == expected
    )


NO_MOMENTS = [
    "",
    "2026-11-22",
    "2026-11-22T10:00:00",
    "2026-11-22 10:00:00Z",
    "2026-11-22T25:00:00Z",
    "2026-11-22T10:00:60Z",
    "2026-13-01T00:00:00Z",
    "0001-01-01T00:00:00+23:00",
    "2026-11-22T10:00:00Z\n",
    "２０26-11-22T10:00:00Z",
    "2027-01-01T00:00:01Z",
    "9999-12-31T23:59:59-23:59",
]


@pytest.mark.parametrize("text", NO_MOMENTS)
def test_other_moments_and_the_future_are_422(text: str) -> None:
    with pytest.raises(Problem) as refused:
        parse_time(text, field="as_of", now=datetime(2027, 1, 1, tzinfo=UTC))

    assert refused.value.errors[0]["field"] == "as_of"


def test_a_body_without_fields_is_an_object() -> None:
    assert Body.model_validate({}) == Body()


def test_what_a_route_depends_on_runs_on_the_event_loop() -> None:
    """FastAPI sends a plain function through a thread pool: four times the cost of a request."""
    for dependency in (idempotency_key, page, optional_period, required_period):
        assert iscoroutinefunction(dependency)

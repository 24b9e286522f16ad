"""The calls of catalog, over ASGI, with signed tokens and a real database."""

from typing import Any

import httpx
import pytest

from web.testing import SigningIdentity

KANTIN = {"store_id": "kantin", "name": "Kantin", "address": "Gedung A"}
BATIK = {"store_id": "batik", "name": "Batik Rani", "address": "Jalan 1", "kind": "reseller"}
STORES = "/api/v1/stores"


class Stores:
    """The client with a caller's role before each call."""

    def __init__(self, client: httpx.AsyncClient, identity: SigningIdentity) -> None:
        self._client = client
        self._identity = identity
        self._keys = 0

    async def get(self, path: str = "", role: str = "guest", **claims: Any) -> httpx.Response:
        return await self._client.get(STORES + path, headers=self._identity.headers(role, **claims))

    async def post(self, body: object, role: str = "admin", key: str = "") -> httpx.Response:
        self._keys += 1
        headers = self._identity.headers(role) | {"idempotency-key": key or str(self._keys)}
        return await self._client.post(STORES, json=body, headers=headers)

    async def patch(self, store_id: str, body: object, role: str = "admin") -> httpx.Response:
        headers = self._identity.headers(role)
        return await self._client.patch(f"{STORES}/{store_id}", json=body, headers=headers)


@pytest.fixture
def stores(client: httpx.AsyncClient, identity: SigningIdentity) -> Stores:
    """The calls under test."""
    return Stores(client, identity)


@pytest.fixture
def quiet(quiet_client: httpx.AsyncClient, identity: SigningIdentity) -> Stores:
    """The calls under test, for tests that make nothing."""
    return Stores(quiet_client, identity)


def slug(response: httpx.Response) -> str:
    """Return the slug of a problem."""
    assert response.headers["content-type"] == "application/problem+json"
    return str(response.json()["type"]).removeprefix("/problems/")


def fields(response: httpx.Response) -> list[str]:
    """Return the fields that a 422 names."""
    assert (response.status_code, slug(response)) == (422, "invalid-request")
    return [error["field"] for error in response.json()["errors"]]


async def test_a_store_is_there_at_once_for_everybody(stores: Stores) -> None:
    made = await stores.post(KANTIN)
    read = await stores.get("/kantin")

    expected = {**KANTIN, "kind": "store", "state": "active"}
    assert (made.status_code, made.json()) == (201, expected)
    assert (read.status_code, read.json()) == (200, expected)


async def test_a_repeat_is_the_same_bytes_and_says_so(stores: Stores) -> None:
    made = await stores.post(KANTIN, key="k")
    again = await stores.post(dict(reversed(KANTIN.items())), key="k")

    assert (again.status_code, again.content) == (201, made.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in made.headers


async def test_a_key_cannot_serve_another_body(stores: Stores) -> None:
    await stores.post(KANTIN, key="k")

    assert slug(await stores.post(BATIK, key="k")) == "idempotency-key-reused"


async def test_a_store_id_is_given_once(stores: Stores) -> None:
    await stores.post(KANTIN)

    refused = await stores.post({**KANTIN, "name": "Another"})

    assert (refused.status_code, slug(refused)) == (409, "already-exists")
    assert (await stores.get("/kantin")).json()["name"] == "Kantin"


async def test_a_registration_needs_a_key(
    quiet_client: httpx.AsyncClient, identity: SigningIdentity
) -> None:
    response = await quiet_client.post(STORES, json=KANTIN, headers=identity.headers("admin"))

    assert (response.status_code, slug(response)) == (400, "idempotency-key-missing")


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, ["store_id", "name", "address"]),
        ({"store_id": "kantin", "name": "", "address": " "}, ["name", "address"]),
        ({**KANTIN, "kind": "shop"}, ["kind"]),
        ({**KANTIN, "state": "active"}, ["state"]),
        ({**KANTIN, "name": 5}, ["name"]),
        ({**KANTIN, "name": "x" * 101}, ["name"]),
        ({**KANTIN, "name": "a\u202eb"}, ["name"]),
        ({**KANTIN, "address": None}, ["address"]),
        ([], ["body"]),
    ],
)
async def test_a_form_names_each_field_that_is_wrong(
    quiet: Stores, body: object, named: list[str]
) -> None:
    assert fields(await quiet.post(body)) == named
    assert (await quiet.get()).json()["items"] == []


@pytest.mark.parametrize(
    "store_id",
    ["platform", "", "k", "Kantin", "-kantin", "kantin\n", "kan tin", "k" * 33, "kánt", "k_a", 5],
)
async def test_a_store_id_has_one_form(quiet: Stores, store_id: object) -> None:
    assert fields(await quiet.post({**KANTIN, "store_id": store_id})) == ["store_id"]


async def test_name_and_address_can_be_corrected(stores: Stores) -> None:
    await stores.post(KANTIN)

    changed = await stores.patch("kantin", {"name": "Kantin Baru"})

    expected = {**KANTIN, "name": "Kantin Baru", "kind": "store", "state": "active"}
    assert (changed.status_code, changed.json()) == (200, expected)
    assert (await stores.get("/kantin")).json() == expected


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"store_id": "other"}, ["store_id"]),
        ({"kind": "reseller"}, ["kind"]),
        ({"name": ""}, ["name"]),
        ({"name": None, "address": ""}, ["name", "address"]),
    ],
)
async def test_what_cannot_be_changed_is_named(
    quiet: Stores, body: dict[str, object], named: list[str]
) -> None:
    assert fields(await quiet.patch("kantin", body)) == named


async def test_an_unknown_store_is_404_and_a_malformed_id_422(quiet: Stores) -> None:
    assert slug(await quiet.get("/nowhere")) == "not-found"
    assert slug(await quiet.patch("nowhere", {"name": "N"})) == "not-found"
    assert fields(await quiet.get("/No")) == ["store_id"]
    assert fields(await quiet.patch("No", {"name": "N"})) == ["store_id"]


async def test_a_draft_is_seen_by_those_who_may(stores: Stores) -> None:
    await stores.post(BATIK)

    for role in ("guest", "member", "cashier", "operator", "bank", "channel"):
        assert (await stores.get(role=role)).json()["items"] == []
        assert (await stores.get("/batik", role)).status_code == 404
    for role in ("admin", "finance", "auditor", "service"):
        assert (await stores.get(role=role)).json()["items"][0]["state"] == "draft"
        assert (await stores.get("/batik", role)).status_code == 200
    assert (await stores.get("/batik", "operator", store_id="batik")).status_code == 200
    assert (await stores.get("/batik", "cashier", store_id="batik")).status_code == 404


async def test_a_list_comes_in_pages_by_id(stores: Stores) -> None:
    for name in ("k1", "k10", "k-2", "0a"):
        await stores.post({**KANTIN, "store_id": name})

    first = (await stores.get("?limit=3", "admin")).json()
    rest = (await stores.get(f"?limit=3&cursor={first['next_cursor']}", "admin")).json()
    guest = (await stores.get("?limit=4")).json()

    assert [store["store_id"] for store in first["items"]] == ["0a", "k-2", "k1"]
    assert [store["store_id"] for store in rest["items"]] == ["k10"]
    assert (first["total"], rest["total"], rest["next_cursor"]) == (4, 4, None)
    assert "total" not in guest
    assert guest["next_cursor"] is None


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "cursor=forged"])
async def test_a_page_that_was_not_given_out_is_422(quiet: Stores, query: str) -> None:
    assert fields(await quiet.get(f"?{query}")) == [query.split("=", maxsplit=1)[0]]


@pytest.mark.parametrize("role", ["finance", "operator", "cashier", "member", "service"])
async def test_only_an_admin_writes(quiet: Stores, role: str) -> None:
    assert (await quiet.post(KANTIN, role)).status_code == 403
    assert (await quiet.patch("kantin", {"name": "N"}, role)).status_code == 403


async def test_a_guest_is_asked_to_log_in(quiet: Stores) -> None:
    assert (await quiet.post(KANTIN, "guest")).status_code == 401
    assert (await quiet.patch("kantin", {"name": "N"}, "guest")).status_code == 401


async def test_nothing_answers_without_a_token(quiet_client: httpx.AsyncClient) -> None:
    for path in (STORES, f"{STORES}/kantin", "/internal/stores", "/openapi.json"):
        assert slug(await quiet_client.get(path)) == "unauthenticated"


async def test_services_get_every_store(
    client: httpx.AsyncClient, stores: Stores, identity: SigningIdentity
) -> None:
    await stores.post(KANTIN)
    await stores.post(BATIK)

    answer = await client.get("/internal/stores", headers=identity.headers("service"))
    refused = await client.get("/internal/stores", headers=identity.headers("admin"))

    assert [store["store_id"] for store in answer.json()["items"]] == ["batik", "kantin"]
    assert refused.status_code == 403


async def test_a_wrong_method_is_a_problem(
    quiet_client: httpx.AsyncClient, identity: SigningIdentity
) -> None:
    response = await quiet_client.delete(STORES, headers=identity.headers("admin"))

    assert (response.status_code, slug(response)) == (405, "method-not-allowed")


async def test_ready_with_a_database(client: httpx.AsyncClient) -> None:
    assert (await client.get("/readyz")).status_code == 200
    assert (await client.get("/livez")).status_code == 200

"""Cashiers and operators, managed by an admin."""

import asyncio
from typing import Any

import jwt
import pytest

from identity.testing import Client, Service

CASHIER: dict[str, Any] = {
    "cashier_id": "ani",
    "name": "Ani",
    "store_id": "kantin",
    "password": "ani's password",
}
OPERATOR: dict[str, Any] = {
    "username": "budi",
    "name": "Budi",
    "store_id": "kantin",
    "password": "budi's password",
    "email": "budi@example.org",
}
KINDS = [("/cashiers", "cashier_id", CASHIER), ("/operators", "username", OPERATOR)]
kinds = pytest.mark.parametrize(("path", "field", "form"), KINDS, ids=["cashier", "operator"])


@kinds
async def test_what_is_made_can_log_in_at_once(
    service: Service, admin: Client, path: str, field: str, form: dict[str, Any]
) -> None:
    made = await admin.post(path, form)

    shown = {name: value for name, value in form.items() if name != "password"}
    assert made.status_code == 201
    assert made.json() == shown
    assert (await admin.get(f"{path}/{form[field]}")).json() == shown
    answer = (await service.login(form[field], form["password"])).json()
    claims = jwt.decode(answer["access_token"], options={"verify_signature": False})
    assert (claims["role"], claims["store_id"]) == (path.strip("/")[:-1], "kantin")
    assert claims["sub"] == claims["username"] == form[field]


@kinds
async def test_a_repeat_is_the_same_to_the_byte_even_while_catalog_is_away(
    service: Service, admin: Client, path: str, field: str, form: dict[str, Any]
) -> None:
    first = await admin.post(path, form, key="k")
    service.house.catalog_away = True
    again = await admin.post(path, form, key="k")

    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"
    other = await admin.post(path, {**form, field: "other"}, key="k")
    assert other.json()["type"] == "/problems/idempotency-key-reused"
    assert await service.count("log.event") == 1


@kinds
async def test_of_many_writers_of_one_name_one_succeeds(
    service: Service, admin: Client, path: str, field: str, form: dict[str, Any]
) -> None:
    answers = await asyncio.gather(*(admin.post(path, form) for _ in range(6)))

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert refused.json()["errors"][0]["field"] == field
    taken = await admin.post(path, {**form, field: "anna"})
    assert taken.status_code == 409
    assert await service.count("log.event") == 1


@kinds
async def test_a_store_must_exist_and_catalog_must_answer(
    service: Service, admin: Client, path: str, field: str, form: dict[str, Any]
) -> None:
    unknown = await admin.post(path, {**form, "store_id": "nowhere"}, key="k")
    assert unknown.status_code == 422
    assert [error["field"] for error in unknown.json()["errors"]] == ["store_id"]

    service.house.catalog_away = True
    away = await admin.post(path, form)
    assert away.status_code == 503
    assert away.headers["retry-after"]

    service.house.catalog_away = False
    service.house.stores.add("nowhere")
    later = await admin.post(path, {**form, "store_id": "nowhere"}, key="k")
    assert later.status_code == 201
    assert later.json()[field] == form[field]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"name": ""}, "name"),
    ({"password": "short"}, "password"),
    ({"password": "x" * 129}, "password"),
    ({"store_id": "K!"}, "store_id"),
    ({"role": "admin"}, "role"),
    ({"name": "\u202eAni"}, "name"),
]


@kinds
async def test_a_wrong_form_names_the_field(
    admin: Client, path: str, field: str, form: dict[str, Any]
) -> None:
    for change, wrong in WRONG:
        answer = await admin.post(path, {**form, **change})
        assert [error["field"] for error in answer.json()["errors"]] == [wrong]

    for name in ("", "ab", "Ani", "a b", "ani\n", "a" * 65, ".ani", "\u0430ni"):
        answer = await admin.post(path, {**form, field: name})
        assert [error["field"] for error in answer.json()["errors"]] == [field]


@kinds
async def test_a_change_of_store_is_in_the_next_token(
    service: Service, admin: Client, path: str, field: str, form: dict[str, Any]
) -> None:
    await admin.post(path, form)
    one = f"{path}/{form[field]}"

    moved = await admin.patch(one, {"store_id": "koperasi", "name": "Changed"})
    assert moved.status_code == 200
    assert (moved.json()["store_id"], moved.json()["name"]) == ("koperasi", "Changed")
    await admin.patch(one, {"store_id": "koperasi"})
    token = (await service.login(form[field], form["password"])).json()["access_token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["store_id"] == "koperasi"
    types = await service.pool.fetch("SELECT type FROM log.event ORDER BY position")
    assert [row["type"].split(".")[2][-5:] for row in types] == ["tered", "Moved"]

    unknown = await admin.patch(one, {"store_id": "nowhere"})
    assert unknown.json()["errors"][0]["field"] == "store_id"
    for body in ({field: "other"}, {"name": ""}, {"name": None}, {"store_id": ""}):
        answer = await admin.patch(one, body)
        assert [error["field"] for error in answer.json()["errors"]] == list(body)


@kinds
async def test_a_new_password_ends_the_sessions(
    service: Service, admin: Client, path: str, field: str, form: dict[str, Any]
) -> None:
    await admin.post(path, form)
    token = (await service.login(form[field], form["password"])).json()["refresh_token"]

    answer = await admin.patch(f"{path}/{form[field]}", {"password": "another password"})
    assert answer.status_code == 200
    assert "password" not in answer.json()
    guest = await service.guest()
    assert (await guest.post("/auth/refresh", {"refresh_token": token})).status_code == 401
    assert (await service.login(form[field], form["password"])).status_code == 401
    assert (await service.login(form[field], "another password")).status_code == 200


async def test_an_operators_email_can_be_changed_and_removed(admin: Client) -> None:
    await admin.post("/operators", OPERATOR)

    changed = await admin.patch("/operators/budi", {"email": "b@example.org"})
    assert changed.json()["email"] == "b@example.org"
    assert (await admin.patch("/operators/budi", {"name": "B"})).json()["email"] == "b@example.org"
    assert (await admin.patch("/operators/budi", {"email": ""})).json()["email"] is None


@kinds
async def test_the_list_is_paged_by_name(
    admin: Client, path: str, field: str, form: dict[str, Any]
) -> None:
    for name in ("citra", "ani", "budi"):
        await admin.post(path, {**form, field: name})
    await admin.post(
        "/operators" if path == "/cashiers" else "/cashiers",
        OPERATOR if path == "/cashiers" else CASHIER,
    )

    first = (await admin.get(path, limit=2)).json()
    names = [item[field] for item in first["items"]]
    second = (await admin.get(path, limit=2, cursor=first["next_cursor"])).json()
    names += [item[field] for item in second["items"]]
    assert names == ["ani", "budi", "citra"]
    assert (first["total"], second["next_cursor"]) == (3, None)
    other = "/operators" if path == "/cashiers" else "/cashiers"
    assert (await admin.get(other, cursor=first["next_cursor"])).status_code == 422


@kinds
async def test_only_admins_manage_staff(
    service: Service, path: str, field: str, form: dict[str, Any]
) -> None:
    one = f"{path}/{form[field]}"
    for role in ("cashier", "operator", "member", "finance", "auditor", "service"):
        caller = await service.role(role, "someone")
        statuses = [
            (await caller.post(path, form)).status_code,
            (await caller.get(path)).status_code,
            (await caller.get(one)).status_code,
            (await caller.patch(one, {})).status_code,
        ]
        assert statuses == [403] * 4
    guest = await service.guest()
    assert (await guest.get(path)).status_code == 401
    assert (await guest.post(path, form)).status_code == 401


@kinds
async def test_an_unknown_one_is_404_and_kinds_are_apart(
    admin: Client, path: str, field: str, form: dict[str, Any]
) -> None:
    assert (await admin.get(f"{path}/nobody")).status_code == 404
    assert (await admin.patch(f"{path}/nobody", {"name": "X"})).status_code == 404
    await admin.post(path, form)
    other = "/operators" if path == "/cashiers" else "/cashiers"
    assert (await admin.get(f"{other}/{form[field]}")).status_code == 404
    assert (await admin.patch(f"{other}/{form[field]}", {"name": "X"})).status_code == 404
    assert (await admin.get(f"{path}/K!")).status_code == 422

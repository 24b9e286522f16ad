"""What admins manage: lists page by page, forms that name what is missing or exists already."""

import secrets
from itertools import pairwise

import pytest

from kembalian.testing.house import RunningHouse
from kembalian.testing.people import Campus, staff


@pytest.mark.parametrize(
    ("path", "name"),
    [("/members", "member_id"), ("/cashiers", "cashier_id"), ("/stores", "store_id")],
)
def test_a_list_is_paged_whole_without_a_repeat(
    house: RunningHouse, shopper: Campus, path: str, name: str
) -> None:
    admin = staff(house, "admin")
    first = admin.get(path, limit=2).json()
    total, ids, page = first["total"], [item[name] for item in first["items"]], first

    while page["next_cursor"] is not None:
        page = admin.get(path, limit=200, cursor=page["next_cursor"]).json()
        ids += [item[name] for item in page["items"]]
        assert page["total"] == total

    assert len(ids) == total
    assert all(before < after for before, after in pairwise(ids))
    assert len(admin.get(path).json()["items"]) == min(total, 50)


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/members", ["name", "address", "identity_number", "auto_save_consent"]),
        ("/cashiers", ["cashier_id", "name", "store_id", "password"]),
        ("/operators", ["username", "name", "store_id", "password"]),
        ("/stores", ["store_id", "name", "address"]),
    ],
)
def test_a_form_names_each_missing_field(house: RunningHouse, path: str, fields: list[str]) -> None:
    admin = staff(house, "admin")

    for empty in ({}, dict.fromkeys(fields, "")):
        answer = admin.post(path, empty)

        errors = answer.json()["errors"]
        assert answer.status_code == 422
        assert [error["field"] for error in errors] == fields
        assert all(error["message"] for error in errors)


def test_what_exists_already_is_named(house: RunningHouse, campus: Campus) -> None:
    admin = staff(house, "admin")
    person = {"name": "A", "address": "B", "identity_number": "1", "auto_save_consent": True}
    store = {"name": "Toko", "address": "Ubud", "store_id": campus.stores[0]}
    cashier = {"name": "K", "store_id": campus.stores[0], "password": secrets.token_hex(8)}
    for path, body, field in (
        ("/members", person | {"card_number": campus.card_number}, "card_number"),
        ("/cashiers", cashier | {"cashier_id": f"kasir-{campus.stores[0]}"}, "cashier_id"),
        ("/stores", store, "store_id"),
    ):
        answer = admin.post(path, body)

        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/already-exists")
        assert [error["field"] for error in answer.json()["errors"]] == [field], path

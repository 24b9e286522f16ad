"""Logins: one answer for every wrong one, sessions that rotate, passwords, barcodes."""

import io
import secrets
from typing import Any

import httpx
import pytest
import zxingcpp
from PIL import Image

from kembalian.testing.house import API, RunningHouse
from kembalian.testing.people import Campus, Person, guest, log_in, made, new_member, staff

WRONG = "User ID atau password salah"
WRONG_IN_ENGLISH = "Wrong user ID or password"


@pytest.fixture
def member(house: RunningHouse) -> dict[str, Any]:
    return new_member(staff(house, "admin"))


def ask_token(house: RunningHouse, username: str, password: str, **headers: str) -> httpx.Response:
    body = {"username": username, "password": password}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return house.client.post(f"{API}/auth/token", json=body, headers=named)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ({}, WRONG),
        ({"Accept_Language": "id"}, WRONG),
        ({"Accept_Language": "en"}, WRONG_IN_ENGLISH),
        ({"Accept_Language": "id;q=0.5, en-GB"}, WRONG_IN_ENGLISH),
    ],
)
def test_a_wrong_password_and_an_unknown_user_get_the_same_answer(
    house: RunningHouse, member: dict[str, Any], language: dict[str, str], said: str
) -> None:
    wrong = ask_token(house, member["username"], "salah-salah-salah", **language)
    unknown = ask_token(house, f"x{secrets.token_hex(6)}", "salah-salah-salah", **language)

    assert (wrong.status_code, unknown.status_code) == (401, 401)
    assert wrong.content == unknown.content
    assert wrong.json()["type"] == "/problems/wrong-credentials"
    assert wrong.json()["detail"] == said


def test_a_login_says_who_one_is_and_for_how_long(
    house: RunningHouse, member: dict[str, Any]
) -> None:
    answer = ask_token(house, member["username"], member["password"])

    session = answer.json()
    assert answer.status_code == 200
    assert set(session) == {"access_token", "refresh_token", "token_type", "expires_in", "role"}
    assert (session["token_type"], session["expires_in"]) == ("Bearer", 1800)
    assert session["role"] == "member"


def test_a_refresh_token_works_once_and_its_reuse_ends_the_session(
    house: RunningHouse, member: dict[str, Any]
) -> None:
    first = ask_token(house, member["username"], member["password"]).json()
    nobody = guest(house)

    second = nobody.post("/auth/refresh", {"refresh_token": first["refresh_token"]})
    reused = nobody.post("/auth/refresh", {"refresh_token": first["refresh_token"]})
    after = nobody.post("/auth/refresh", {"refresh_token": second.json()["refresh_token"]})

    assert second.status_code == 200
    assert second.json()["refresh_token"] != first["refresh_token"]
    assert (reused.status_code, after.status_code) == (401, 401)
    me = Person(house.client, second.json()["access_token"]).get("/members/me")
    assert me.json()["username"] == member["username"]


def test_a_logout_ends_one_session_and_no_other(
    house: RunningHouse, member: dict[str, Any]
) -> None:
    nobody = guest(house)
    here, there = (
        {"refresh_token": ask_token(house, member["username"], member["password"]).json()[name]}
        for name in ("refresh_token",) * 2
    )

    ended = nobody.post("/auth/logout", here)

    assert (ended.status_code, ended.content) == (204, b"")
    assert nobody.post("/auth/refresh", here).status_code == 401
    assert nobody.post("/auth/refresh", there).status_code == 200
    assert nobody.post("/auth/logout", {"refresh_token": "unknown"}).status_code == 204


def test_a_changed_password_is_the_only_one_and_ends_all_sessions(
    house: RunningHouse, member: dict[str, Any]
) -> None:
    session = ask_token(house, member["username"], member["password"]).json()
    person = Person(house.client, session["access_token"])
    new = "kata sandi baru é"

    guessed = person.post("/auth/password", {"current_password": "x", "new_password": new})
    change = {"current_password": member["password"], "new_password": new}
    changed = person.post("/auth/password", change)

    assert (guessed.status_code, changed.status_code) == (401, 204)
    assert ask_token(house, member["username"], member["password"]).status_code == 401
    assert ask_token(house, member["username"], new).status_code == 200
    refreshed = guest(house).post("/auth/refresh", {"refresh_token": session["refresh_token"]})
    assert refreshed.status_code == 401


def test_a_cashier_can_be_moved_renamed_and_given_a_password(
    house: RunningHouse, campus: Campus
) -> None:
    admin = staff(house, "admin")
    one, two = campus.stores[:2]
    password = secrets.token_hex(8)

    moved = admin.patch(f"/cashiers/kasir-{one}", {"store_id": two, "password": password})

    assert moved.json() == {"cashier_id": f"kasir-{one}", "name": "Kasir", "store_id": two}
    till = log_in(house, {"username": f"kasir-{one}", "password": password})
    made(till.post("/pos/topups", {"card_number": campus.card_number, "amount": 5}))
    buckets = campus.member.get("/wallets/me").json()["buckets"]
    assert buckets == [{"issuer": two, "balance": 5}]


def test_the_barcode_of_a_card_is_read_by_another_library(
    house: RunningHouse, shopper: Campus
) -> None:
    answer = shopper.member.get(f"/cards/{shopper.card_number}/barcode.png")
    drawn = shopper.member.get(f"/cards/{shopper.card_number}/barcode.svg")

    (barcode,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(answer.content)))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert barcode.text == shopper.card_number
    assert barcode.format == zxingcpp.BarcodeFormat.Code128
    assert drawn.headers["content-type"].startswith("image/svg+xml")
    assert drawn.text.lstrip().startswith("<?xml") or "<svg" in drawn.text

"""Members: registering, showing, changing, listing."""

import asyncio
import json
from typing import Any

from identity.cards import is_valid
from identity.testing import Client, Service


async def test_a_guest_registers_himself_and_can_log_in_at_once(
    service: Service, member_form: dict[str, Any]
) -> None:
    answer = await (await service.guest()).post("/members", member_form)

    body = answer.json()
    assert answer.status_code == 201
    assert set(body) == {"member_id", "username", "password", "card_number"}
    assert len(body["card_number"]) == 16
    assert body["card_number"].startswith("9900")
    assert is_valid(body["card_number"])
    member = await service.logged_in(body["username"], body["password"])
    mine = (await member.get("/members/me")).json()
    assert mine == {
        **member_form,
        "member_id": body["member_id"],
        "username": body["username"],
        "card_number": body["card_number"],
        "balance": 0,
    }


async def test_an_admin_gives_a_printed_card(service: Service) -> None:
    made = await service.register(card_number="1000")

    assert made["card_number"] == "1000"
    caller = await service.service()
    expected = {
        "member_id": made["member_id"],
        "card_number": "1000",
        "auto_save_consent": True,
        "state": "active",
    }
    for path in ("cards/1000", f"members/{made['member_id']}"):
        found = await service.http.get(f"/internal/{path}", headers=caller.headers)
        assert found.json() == expected
    asked = {"card_numbers": ["1001", "1000"]}
    many = await service.http.post("/internal/cards", json=asked, headers=caller.headers)
    assert many.json() == {"items": [expected]}


async def test_internal_calls_are_for_services(service: Service, admin: Client) -> None:
    for path in ("/internal/cards/1000", "/internal/members/00000000-0000-7000-8000-000000000000"):
        caller = await service.service()
        assert (await service.http.get(path, headers=caller.headers)).status_code == 404
        assert (await service.http.get(path, headers=admin.headers)).status_code == 403
        assert (await service.http.get(path)).status_code == 401
    for caller, status in ((await service.service(), 422), (admin, 403)):
        body = {"card_numbers": ["1000"] * 1_001}
        many = await service.http.post("/internal/cards", json=body, headers=caller.headers)
        assert many.status_code == status


async def test_a_guest_cannot_choose_his_card(
    service: Service, member_form: dict[str, Any]
) -> None:
    body = {**member_form, "card_number": "1000"}
    answer = await (await service.guest()).post("/members", body)

    assert [error["field"] for error in answer.json()["errors"]] == ["card_number"]
    assert await service.count("log.event") == 0


async def test_an_incomplete_form_names_each_field_and_changes_nothing(service: Service) -> None:
    answer = await (await service.guest()).post("/members", {"name": "", "address": " "})

    assert answer.status_code == 422
    fields = {error["field"]: error["message"] for error in answer.json()["errors"]}
    names = ["name", "address", "identity_number", "auto_save_consent"]
    assert fields == dict.fromkeys(names, "is required")
    assert await service.count("log.event") == await service.count("log.outcome") == 0


async def test_a_taken_card_is_409_naming_the_field_and_stays_so(
    service: Service, admin: Client, member_form: dict[str, Any]
) -> None:
    await service.register(card_number="1000")
    body = {**member_form, "card_number": "1000"}

    refused = await admin.post("/members", body, key="k")
    again = await admin.post("/members", body, key="k")

    assert refused.status_code == 409
    assert refused.json()["type"] == "/problems/already-exists"
    assert refused.json()["errors"][0]["field"] == "card_number"
    assert again.content == refused.content
    assert again.headers["idempotent-replayed"] == "true"
    assert await service.count("log.event") == 1


async def test_of_many_writers_of_one_card_one_succeeds(
    service: Service, admin: Client, member_form: dict[str, Any]
) -> None:
    body = {**member_form, "card_number": "1000"}
    answers = await asyncio.gather(*(admin.post("/members", body) for _ in range(8)))

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert await service.count("log.event") == await service.count("view.member") == 1


async def test_a_repeat_gets_the_first_answer_without_the_password(
    service: Service, member_form: dict[str, Any]
) -> None:
    guest = await service.guest()
    answers = await asyncio.gather(
        *(guest.post("/members", member_form, key="k") for _ in range(10))
    )

    firsts = [each.json() for each in answers if each.json()["password"] is not None]
    repeats = [each for each in answers if each.json()["password"] is None]
    assert len(firsts) == 1
    assert len(repeats) == 9
    assert len({each.content for each in repeats}) == 1
    assert repeats[0].json() == {**firsts[0], "password": None}
    assert all(each.headers["idempotent-replayed"] == "true" for each in repeats)
    assert await service.count("log.event") == 1
    kept = await service.pool.fetchval("SELECT answer FROM log.outcome")
    assert firsts[0]["password"].encode() not in kept


async def test_a_key_is_of_one_caller_and_one_body(
    service: Service, admin: Client, member_form: dict[str, Any]
) -> None:
    first = await admin.post("/members", member_form, key="k")
    other = {**member_form, "name": "Handika"}

    assert (await admin.post("/members", other, key="k")).json()["type"] == (
        "/problems/idempotency-key-reused"
    )
    guest = await service.guest()
    mine = await guest.post("/members", member_form, key="k")
    assert mine.status_code == 201
    assert mine.json()["member_id"] != first.json()["member_id"]
    assert (await guest.post("/members", other, key="k")).status_code == 201


async def test_who_may_register(service: Service, member_form: dict[str, Any]) -> None:
    for role in ("member", "cashier", "operator", "finance", "auditor", "service"):
        caller = await service.role(role, "someone")
        assert (await caller.post("/members", member_form)).status_code == 403


async def test_nothing_personal_is_in_the_log(service: Service) -> None:
    await service.register("Zq7name", address="Zq7 street", email="zq7@example.org")
    member = await service.register("Zq7 other", identity_number="zq7-1")
    admin = await service.admin()
    changes = {"name": "Zq7 new", "auto_save_consent": False}
    await admin.patch(f"/members/{member['member_id']}", changes)

    bodies = [row["body"] for row in await service.pool.fetch("SELECT body FROM log.event")]
    assert len(bodies) == 3
    assert all(b"zq7" not in body.lower() for body in bodies)
    assert all(member["username"].encode() not in body for body in bodies)


async def test_a_member_sees_and_changes_only_himself(service: Service) -> None:
    own, other = await service.register("Susila"), await service.register("Handika")
    member = await service.logged_in(own["username"], own["password"])
    unknown = "00000000-0000-7000-8000-000000000000"

    assert (await member.get(f"/members/{own['member_id']}")).status_code == 200
    for foreign in (other["member_id"], unknown):
        assert (await member.get(f"/members/{foreign}")).status_code == 404
        assert (await member.patch(f"/members/{foreign}", {"name": "X"})).status_code == 404
    assert (await member.get("/members")).status_code == 403
    admin = await service.admin()
    assert (await admin.get(f"/members/{unknown}")).status_code == 404
    assert (await admin.patch(f"/members/{unknown}", {})).status_code == 404
    assert (await admin.get("/members/me")).status_code == 404
    for malformed in ("x", unknown.upper() + "A", f"{unknown}%0A"):
        answer = await admin.get(f"/members/{malformed}")
        assert answer.json()["errors"][0]["field"] == "member_id"
    assert (await (await service.guest()).get("/members/me")).status_code == 401


async def test_what_is_changed_is_changed_and_the_rest_stays(
    service: Service, member_form: dict[str, Any]
) -> None:
    own = await service.register(email="s@example.org")
    member = await service.logged_in(own["username"], own["password"])

    changed = await member.patch("/members/me", {"address": "Denpasar"})
    assert changed.json()["address"] == "Denpasar"
    assert changed.json()["name"] == member_form["name"]
    assert (await member.patch("/members/me", {})).json() == changed.json()
    assert await service.count("log.event") == 1
    consent = await member.patch("/members/me", {"auto_save_consent": False})
    assert consent.json()["auto_save_consent"] is False
    await member.patch("/members/me", {"auto_save_consent": False})
    rows = await service.pool.fetch("SELECT type, version FROM log.event ORDER BY position")
    assert [(row["type"].split(".")[2], row["version"]) for row in rows] == [
        ("MemberRegistered", 1),
        ("MemberConsentChanged", 2),
    ]
    await member.patch("/members/me", {"email": None})
    assert (
        await service.pool.fetchval(
            "SELECT email FROM private.person p JOIN private.account"
            " USING (username) WHERE role = 'member'"
        )
        is None
    )


UNCHANGEABLE: list[tuple[dict[str, Any], str]] = [
    ({"card_number": "2000"}, "card_number"),
    ({"name": ""}, "name"),
    ({"name": None}, "name"),
    ({"auto_save_consent": 1}, "auto_save_consent"),
    ({"member_id": "x"}, "member_id"),
    ({"balance": 5}, "balance"),
]


async def test_what_cannot_be_changed_is_422(service: Service, admin: Client) -> None:
    made = await service.register(card_number="1000")

    for body, field in UNCHANGEABLE:
        answer = await admin.patch(f"/members/{made['member_id']}", body)
        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_parallel_changes_of_one_member_follow_each_other(
    service: Service, admin: Client
) -> None:
    made = await service.register()
    path = f"/members/{made['member_id']}"

    answers = await asyncio.gather(
        *(admin.patch(path, {"auto_save_consent": n % 2 == 0}) for n in range(12))
    )

    assert {answer.status_code for answer in answers} == {200}
    versions = await service.pool.fetch("SELECT version FROM log.event ORDER BY position")
    assert [row["version"] for row in versions] == list(range(1, len(versions) + 1))


async def test_the_list_is_paged_in_the_order_of_registration(
    service: Service, admin: Client
) -> None:
    made = [(await service.register(f"Member {n}"))["member_id"] for n in range(5)]
    service.house.balances = {made[0]: 700}

    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await admin.get("/members", limit=2, **cursor)).json()
        assert page["total"] == 5
        seen += [item["member_id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}

    assert seen == made
    items = (await admin.get("/members")).json()["items"]
    assert [item["balance"] for item in items] == [700, 0, 0, 0, 0]
    assert "password" not in json.dumps(items)


async def test_balances_are_null_while_the_ledger_is_down(service: Service, admin: Client) -> None:
    made = await service.register()
    service.house.ledger_away = True

    assert (await admin.get("/members")).json()["items"][0]["balance"] is None
    assert (await admin.get(f"/members/{made['member_id']}")).json()["balance"] is None


async def test_an_empty_list_is_a_list(admin: Client) -> None:
    assert (await admin.get("/members")).json() == {"items": [], "next_cursor": None, "total": 0}

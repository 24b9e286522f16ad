"""What answered 201 works in the very next call, at every service, without a pause."""

import secrets
from itertools import pairwise

from kembalian.testing.house import RunningHouse
from kembalian.testing.people import Campus, guest, log_in, made, new_member, staff

TIMES = 20


def test_a_new_store_has_a_till_and_reports_at_once(house: RunningHouse, shopper: Campus) -> None:
    admin = staff(house, "admin")
    card = {"card_number": shopper.card_number, "amount": 100}
    for _ in range(TIMES):
        store_id = f"t{secrets.token_hex(4)}"
        login = {"username": f"kasir-{store_id}", "password": secrets.token_hex(8)}
        made(admin.post("/stores", {"store_id": store_id, "name": "Toko", "address": "Jimbaran"}))
        cashier = {"cashier_id": login["username"], "password": login["password"]}
        made(admin.post("/cashiers", {**cashier, "name": "Kasir", "store_id": store_id}))

        till = log_in(house, login)
        topped = made(till.post("/pos/topups", card))
        query = {"at_least": topped["ledger_position"]}
        shown = till.get(f"/stores/{store_id}/transactions", **query).json()["items"]
        report = admin.get(
            "/reports/receivables", store_id=store_id, from_="2026-01-01", to="2100-12-31"
        )
        standing = admin.get("/settlement/positions", **query).json()["items"]

        assert [entry["event_id"] for entry in shown] == [topped["event_id"]]
        assert (report.status_code, report.json()["rows"]) == (200, [])
        assert {"store_id": store_id, "position": -100}.items() <= {
            name: item[name]
            for item in standing
            if item["store_id"] == store_id
            for name in ("store_id", "position")
        }.items()


def test_a_new_member_has_a_card_and_a_wallet_at_once(house: RunningHouse, shopper: Campus) -> None:
    admin, finance = staff(house, "admin"), staff(house, "finance")
    till = shopper.tills[shopper.stores[0]]
    for _ in range(TIMES):
        member = new_member(admin)
        card = {"card_number": member["card_number"], "amount": 50}

        topped = made(till.post("/pos/topups", card))
        wallet = finance.get(f"/wallets/{member['member_id']}").json()
        image = till.get(f"/cards/{member['card_number']}/barcode.svg")
        listed = admin.get(f"/members/{member['member_id']}").json()
        report = finance.get(
            "/reports/member-transactions",
            member_id=member["member_id"],
            from_="2026-01-01",
            to="2100-12-31",
            at_least=topped["ledger_position"],
        ).json()

        assert (topped["balance"], wallet["balance"], listed["balance"]) == (50, 50, 50)
        assert image.status_code == 200
        assert report["closing"] == 50


def test_a_member_who_registered_himself_reads_his_own_data_at_once(house: RunningHouse) -> None:
    for _ in range(3):
        member = new_member(guest(house))
        person = log_in(house, member)

        wallet = person.get("/wallets/me").json()
        report = person.get(
            "/reports/member-transactions", member_id="me", from_="2026-01-01", to="2100-12-31"
        ).json()

        assert (wallet["balance"], report["rows"]) == (0, [])
        assert person.get("/members/me").json()["member_id"] == member["member_id"]


def test_a_wallet_shows_every_answered_command_without_being_told_which(shopper: Campus) -> None:
    till = shopper.tills[shopper.stores[0]]
    balances = [0]
    for amount in range(1, TIMES + 1):
        made(till.post("/pos/topups", {"card_number": shopper.card_number, "amount": amount}))
        wallet = shopper.member.get("/wallets/me").json()
        statement = shopper.member.get("/wallets/me/transactions").json()["items"]
        balances.append(wallet["balance"])
        assert (wallet["version"], len(statement)) == (amount, amount)

    assert [after - before for before, after in pairwise(balances)] == list(range(1, TIMES + 1))

"""An entry that should not have been made: one person asks, another one decides."""

from kembalian.testing.house import RunningHouse
from kembalian.testing.people import Campus, made, staff


def card(campus: Campus, amount: int) -> dict[str, object]:
    return {"card_number": campus.card_number, "amount": amount}


def balance(campus: Campus) -> int:
    return campus.member.get("/wallets/me").json()["balance"]


def test_a_top_up_keyed_in_twice_is_undone_by_two_people(
    house: RunningHouse, shopper: Campus
) -> None:
    finance, admin = staff(house, "finance"), staff(house, "admin")
    till = shopper.tills[shopper.stores[0]]
    made(till.post("/pos/topups", card(shopper, 500)))
    twice = made(till.post("/pos/topups", card(shopper, 500)))

    asked = made(
        finance.post(
            "/ledger/reversals", {"event_id": twice["event_id"], "reason": "keyed in twice"}
        )
    )

    path = f"/ledger/reversals/{asked['reversal_id']}"
    assert (asked["state"], balance(shopper)) == ("requested", 1_000)
    assert finance.post(f"{path}/approve").status_code == 403
    waiting = admin.get("/ledger/reversals", state="requested").json()["items"]
    assert asked["reversal_id"] in [item["reversal_id"] for item in waiting]

    done = made(admin.post(f"{path}/approve"))

    assert (done["state"], done["amount"], balance(shopper)) == ("approved", 500, 500)
    assert admin.post(f"{path}/approve").json()["state"] == "approved"  # 409 wrong-state
    again = {"event_id": twice["event_id"], "reason": "again"}
    assert finance.post("/ledger/reversals", again).status_code == 409
    last = shopper.member.get("/wallets/me/transactions").json()["items"][-1]
    assert (last["kind"], last["saved"], last["paid"]) == ("reversal", 0, 500)


def test_what_is_spent_is_not_undone_and_a_spending_goes_back_to_its_buckets(
    house: RunningHouse, shopper: Campus
) -> None:
    finance, admin = staff(house, "finance"), staff(house, "admin")
    one, two, _ = shopper.stores
    top_up = made(shopper.tills[one].post("/pos/topups", card(shopper, 500)))
    spent = made(shopper.tills[two].post("/pos/redemptions", card(shopper, 400)))

    refused = finance.post(
        "/ledger/reversals", {"event_id": top_up["event_id"], "reason": "wrong card"}
    )

    assert (refused.status_code, refused.json()["available"]) == (409, 100)

    asked = made(
        finance.post("/ledger/reversals", {"event_id": spent["event_id"], "reason": "wrong card"})
    )
    done = made(admin.post(f"/ledger/reversals/{asked['reversal_id']}/approve"))

    assert done["allocations"] == [{"issuer": one, "amount": 400}]
    assert balance(shopper) == 500


def test_a_rejected_reversal_changes_nothing_and_can_be_asked_for_again(
    house: RunningHouse, shopper: Campus
) -> None:
    finance, admin = staff(house, "finance"), staff(house, "admin")
    event = made(shopper.tills[shopper.stores[0]].post("/pos/topups", card(shopper, 5)))
    body = {"event_id": event["event_id"], "reason": "doubt"}
    asked = made(finance.post("/ledger/reversals", body))
    assert admin.post("/ledger/reversals", body).status_code == 409

    made(admin.post(f"/ledger/reversals/{asked['reversal_id']}/reject"))

    assert balance(shopper) == 5
    made(admin.post("/ledger/reversals", body))

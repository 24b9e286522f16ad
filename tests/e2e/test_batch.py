"""Many entries at once: each by itself, or all or none."""

import secrets
from typing import Any

from kembalian.testing.house import RunningHouse
from kembalian.testing.people import Campus, made, new_member, staff

Entry = dict[str, Any]


def entry(campus: Campus, kind: str, store: int, **fields: Any) -> Entry:
    return {
        "key": secrets.token_hex(8),
        "type": kind,
        "store_id": campus.stores[store],
        "card_number": campus.card_number,
        **fields,
    }


def balance(campus: Campus) -> int:
    return campus.member.get("/wallets/me").json()["balance"]


def test_each_entry_has_its_own_outcome_and_a_repeat_gets_it_again(
    house: RunningHouse, shopper: Campus
) -> None:
    channel = staff(house, "channel")
    entries = [
        entry(shopper, "topup", 0, amount=500),
        entry(shopper, "change", 1, sale_total=9_600, tendered=10_000),
        entry(shopper, "redemption", 2, amount=850),
        entry(shopper, "redemption", 2, amount=51),
        entry(shopper, "cashout", 1, amount=50),
        entry(shopper, "topup", 0, amount=1, card_number="9999000099990000"),
        entry(shopper, "redemption", 2, amount=100_001),
        entry(shopper, "topup", 0, amount=1, store_id="nowhere"),
        entry(shopper, "change", 0, sale_total=2, tendered=1),
    ]

    answer = channel.post("/ledger/batch", {"entries": entries})

    assert answer.status_code == 200, answer.text
    outcomes = answer.json()["outcomes"]
    assert [o["status"] for o in outcomes] == [201, 201, 201, 409, 201, 404, 403, 403, 422]
    assert [o["key"] for o in outcomes] == [e["key"] for e in entries]
    assert outcomes[2]["body"]["allocations"] == [
        {"issuer": shopper.stores[0], "amount": 500},
        {"issuer": shopper.stores[1], "amount": 350},
    ]
    assert balance(shopper) == 0

    again = channel.post("/ledger/batch", {"atomic": False, "entries": entries})

    assert again.json()["outcomes"] == outcomes  # by the models this time, to the same fingerprints
    assert balance(shopper) == 0


def test_an_atomic_batch_over_many_wallets_is_entered_whole(
    house: RunningHouse, shopper: Campus
) -> None:
    channel, admin = staff(house, "channel"), staff(house, "admin")
    cards = [new_member(admin)["card_number"] for _ in range(12)]
    entries = [entry(shopper, "topup", n % 3, amount=7, card_number=c) for n, c in enumerate(cards)]

    answer = channel.post("/ledger/batch", {"atomic": True, "entries": entries})

    assert answer.status_code == 200, answer.text
    assert [o["status"] for o in answer.json()["outcomes"]] == [201] * 12
    assert (
        channel.post("/ledger/batch", {"atomic": True, "entries": entries}).json() == answer.json()
    )


def test_one_refusal_undoes_an_atomic_batch_and_uses_no_key(
    house: RunningHouse, shopper: Campus
) -> None:
    channel = staff(house, "channel")
    entries = [
        entry(shopper, "topup", 0, amount=10),
        entry(shopper, "redemption", 1, amount=11),
        entry(shopper, "topup", 2, amount=1),
    ]

    refused = channel.post("/ledger/batch", {"atomic": True, "entries": entries})

    said = refused.json()
    assert (refused.status_code, said["index"], said["available"]) == (409, 1, 10)
    assert balance(shopper) == 0
    made(
        shopper.tills[shopper.stores[0]].post(
            "/pos/topups",
            {
                "card_number": shopper.card_number,
                "amount": 1,
            },
        )
    )
    again = channel.post("/ledger/batch", {"atomic": True, "entries": entries})
    assert again.status_code == 200, again.text
    assert balance(shopper) == 1


def test_a_key_that_comes_twice_or_a_field_that_is_wrong_refuses_the_batch(
    house: RunningHouse, shopper: Campus
) -> None:
    channel = staff(house, "channel")
    good = entry(shopper, "topup", 0, amount=10)

    for entries, field in (
        ([good, good], "entries.1.key"),
        ([good, {**good, "key": "k", "amount": 0}], "entries.1.amount"),
        ([{**good, "type": "gift"}], "entries.0"),
        ([], "entries"),
    ):
        answer = channel.post("/ledger/batch", {"entries": entries})
        assert answer.status_code == 422, answer.text
        assert field in [e["field"] for e in answer.json()["errors"]]
    assert balance(shopper) == 0

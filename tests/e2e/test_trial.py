"""The trial of 2016: what its members and tills see, exactly as the paper's figures print it."""

import pytest

from kembalian.demo.campus import golden
from kembalian.testing.house import RunningHouse
from kembalian.testing.people import Campus, new_campus, staff
from kembalian.testing.trial import PlayedTrial, play

FIGURES = golden()


@pytest.fixture(scope="module")
def trial(house: RunningHouse) -> PlayedTrial:
    return play(new_campus(house))


def test_the_running_balances_are_those_of_figure_10(trial: PlayedTrial) -> None:
    balances = [answer["balance"] for _, answer in trial.visits]

    assert balances == [line["balance"] for line in FIGURES["transactions"]]
    assert [answer["available"] for _, answer in trial.visits] == balances


def test_every_receipt_says_whose_money_was_spent(trial: PlayedTrial) -> None:
    one, two, three = trial.campus.stores
    receipts = [
        [(part["issuer"], part["amount"]) for part in answer["allocations"]]
        for step, answer in trial.visits
        if step.paid
    ]

    assert receipts == [
        [(two, 400), (three, 200)],
        [(one, 200), (three, 550)],
        [(three, 650), (one, 50)],
    ]


def test_change_is_saved_whole_or_returned_whole(trial: PlayedTrial) -> None:
    saved = [
        (answer["change"], answer["saved"], answer["cash_returned"])
        for step, answer in trial.visits
        if step.saved
    ]

    amounts = [line["saved"] for line in FIGURES["transactions"] if line["saved"]]
    assert saved == [(amount, amount, 0) for amount in amounts]


def test_the_wallet_has_the_final_buckets_and_leaves_empty_ones_out(trial: PlayedTrial) -> None:
    wallet = trial.campus.member.get("/wallets/me").json()

    final = FIGURES["final_buckets"].items()
    assert wallet["buckets"] == [
        {"issuer": trial.store_ids[store], "balance": left} for store, left in final if left
    ]
    assert (wallet["member_id"], wallet["version"]) == (trial.campus.member_id, 9)
    assert (wallet["balance"], wallet["available"]) == (200, 200)
    assert wallet["ledger_position"] == trial.ledger_position


def test_the_statement_shows_each_visit_oldest_first(trial: PlayedTrial) -> None:
    shown = [
        (e["event_id"], e["store_id"], e["kind"], e["saved"], e["paid"], e["balance"])
        for e in trial.entries
    ]

    assert shown == [
        (
            answer["event_id"],
            trial.store_of(step),
            "change" if step.saved else "redemption",
            step.saved,
            step.paid,
            step.balance,
        )
        for step, answer in trial.visits
    ]
    assert [e["allocations"] for e in trial.entries] == [
        answer.get("allocations", []) for _, answer in trial.visits
    ]
    times = [e["at"] for e in trial.entries]
    assert times == sorted(times)


def test_a_statement_read_page_by_page_is_the_same_statement(trial: PlayedTrial) -> None:
    member, items, cursor = trial.campus.member, [], ""
    for _ in range(3):
        query = {"cursor": cursor} if cursor else {}
        page = member.get("/wallets/me/transactions", limit=4, **query).json()
        items += page["items"]
        cursor = page["next_cursor"]

    assert cursor is None
    assert items == trial.entries


def test_each_store_sees_its_entries_with_its_running_position(trial: PlayedTrial) -> None:
    positions = dict(
        zip(
            trial.campus.stores,
            [[-200, 550, 300], [-400, 200, 900], [-300, -800, -1400]],
            strict=True,
        )
    )
    for store_id, till in trial.campus.tills.items():
        query = {"at_least": trial.ledger_position}
        answer = till.get(f"/stores/{store_id}/transactions", **query).json()

        own = [(s, e) for (s, _), e in zip(trial.visits, trial.entries, strict=True)]
        assert answer["next_cursor"] is None
        assert answer["items"] == [
            {
                "event_id": entry["event_id"],
                "at": entry["at"],
                "card_number": trial.campus.card_number,
                "cashier_id": f"kasir-{store_id}",
                "kind": entry["kind"],
                "saved": step.saved,
                "redeemed": step.paid,
                "position": position,
            }
            for (step, entry), position in zip(
                [(s, e) for s, e in own if trial.store_of(s) == store_id],
                positions[store_id],
                strict=True,
            )
        ]


def test_admins_see_the_member_s_balance_in_the_list(house: RunningHouse, campus: Campus) -> None:
    campus.tills[campus.stores[0]].post(
        "/pos/topups", {"card_number": campus.card_number, "amount": 4321}
    )
    admin = staff(house, "admin")

    member = admin.get(f"/members/{campus.member_id}").json()

    assert (member["balance"], member["card_number"]) == (4321, campus.card_number)

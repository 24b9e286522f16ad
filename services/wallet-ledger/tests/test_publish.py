"""Domain events to contracts and back: nothing is lost on the way, and the entry balances."""

import json
from datetime import UTC
from typing import get_args
from uuid import UUID

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from events.contracts import CONTRACTS, identity
from events.envelope import Cause, open_envelope
from wallet_ledger import domain
from wallet_ledger.domain import Allocation, Till, Wallet
from wallet_ledger.publish import NAMES, NotAWalletEvent, data_of, from_contract, seal, to_contract

IDS = st.sampled_from(["kantin", "fotokopi", "koperasi"])
AMOUNTS = st.integers(1, 10**12)
TILLS = st.builds(Till, st.just("1000"), IDS, st.just("kasir-1"))
PARTS = st.builds(Allocation, IDS, st.integers(1, 10**11))
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
MOMENTS = st.datetimes(timezones=st.just(UTC)).filter(lambda t: t.year > 1000)
SPENT = st.lists(PARTS, min_size=1, max_size=3).map(tuple[Allocation, ...])


@st.composite
def spendings(draw: st.DrawFn) -> domain.Event:
    till, spent = draw(TILLS), draw(SPENT)
    kind = draw(st.sampled_from([domain.ChangeRedeemed, domain.CashedOut]))
    return kind(till, sum(part.amount for part in spent), spent)


@st.composite
def payments(draw: st.DrawFn) -> domain.Event:
    spent = draw(SPENT)
    kind = draw(st.sampled_from([domain.PaymentDebited, domain.PaymentRefunded]))
    return kind(draw(TEXTS), draw(TEXTS), draw(IDS), sum(a.amount for a in spent), spent)


@st.composite
def holds(draw: st.DrawFn) -> domain.Event:
    spent = draw(st.lists(SPENT, min_size=1, max_size=3))
    stores = draw(st.permutations(["kantin", "fotokopi", "koperasi"]))
    parts = tuple(
        domain.Part(store, sum(a.amount for a in part), part)
        for store, part in zip(stores, spent, strict=False)
    )
    return domain.PaymentHeld(draw(TEXTS), draw(TEXTS), parts, draw(MOMENTS))


ENTRIES = st.builds(
    domain.Entry,
    TEXTS,
    st.just("1000"),
    IDS,
    st.sampled_from(["credit", "debit"]),
    st.sampled_from(["cash", "redeemed"]),
    SPENT,
)
REASONS = st.sampled_from(["released", "expired", "remainder"])

EVENTS = st.one_of(
    st.builds(domain.TopUp, TILLS, IDS, AMOUNTS),
    st.builds(domain.ChangeSaved, TILLS, IDS, AMOUNTS, AMOUNTS, AMOUNTS, st.just(0)),
    st.builds(domain.SaleRecorded, TILLS, AMOUNTS, AMOUNTS, st.integers(0, 10**12)),
    spendings(),
    payments(),
    holds(),
    st.builds(domain.PaymentHoldReleased, TEXTS, TEXTS, AMOUNTS, REASONS),
    st.builds(domain.ReversalRequested, TEXTS, TEXTS, TEXTS, TEXTS),
    st.builds(domain.ReversalRejected, TEXTS, TEXTS, TEXTS),
    st.builds(domain.EntryReversed, TEXTS, ENTRIES, TEXTS, TEXTS, TEXTS),
)


@given(EVENTS, st.integers(0, 10**15))
def test_an_event_comes_back_as_it_was(event: domain.Event, balance: int) -> None:
    contract = to_contract("w", event, balance)

    assert from_contract(contract) == event
    data = contract.model_dump()
    assert (data["wallet_id"], data["balance"]) == ("w", balance)
    assert sum(p["amount"] for p in data["postings"]) == 0


@given(EVENTS)
def test_what_is_booked_is_the_fold_and_the_double_entry(event: domain.Event) -> None:
    before = Wallet({"kantin": 10**12, "fotokopi": 7}, version=3)

    after, legs = domain.booked(before, "w", event)

    assert after == domain.evolve(before, event)
    assert legs == domain.postings("w", event)


@given(EVENTS)
def test_the_data_of_an_event_is_what_its_contract_says(event: domain.Event) -> None:
    data = data_of("w", event, 7)

    model = CONTRACTS[NAMES[type(event)]]
    assert model.model_validate(data).model_dump(mode="json") == data
    assert model.model_validate_json(json.dumps(data)).model_dump(mode="json") == data


def test_every_domain_event_has_a_name_and_every_contract_of_a_wallet_is_named() -> None:
    kinds = {*get_args(domain.TillEvent), *get_args(domain.PaymentEvent)}
    kinds |= set(get_args(domain.ReversalEvent))

    assert set(NAMES) == kinds
    assert {NAMES[kind].split(".")[2] for kind in kinds} == {kind.__name__ for kind in kinds}
    assert set(NAMES.values()) == {n for n in CONTRACTS if n.startswith("kembalian.wallet.")}


def test_a_sealed_event_names_its_stream_version_and_balance() -> None:
    event = domain.TopUp(Till("1000", "kantin", "kasir-1"), "kantin", 700)
    wallet = Wallet({"kantin": 700}, version=1)

    new = seal(
        "w",
        event,
        wallet,
        event_id=UUID(int=7),
        shown_id=str(UUID(int=7)),
        time="2026-11-22T00:00:00.000000Z",
        cause=Cause("r1"),
    )

    opened = open_envelope(new.body)
    assert (opened.stream, opened.version, opened.event_id) == ("w", 1, str(UUID(int=7)))
    assert new.type == opened.type == "kembalian.wallet.TopUp.v1"
    assert opened.data.model_dump()["balance"] == 700


def test_a_contract_of_another_context_is_no_history_of_a_wallet() -> None:
    stranger = identity.MemberRegistered(member_id="m", card_number="1000", auto_save_consent=True)

    with pytest.raises(NotAWalletEvent, match="MemberRegistered"):
        from_contract(stranger)


@given(EVENTS, TEXTS, st.integers(0, 10**15))
def test_a_sealed_event_is_in_canonical_form(
    event: domain.Event, wallet_id: str, balance: int
) -> None:
    new = seal(
        wallet_id,
        event,
        Wallet({"kantin": balance}, version=1),
        event_id=UUID(int=7),
        shown_id=str(UUID(int=7)),
        time="2026-11-22T00:00:00.000000Z",
        cause=Cause("r1", traceparent="00-trace"),
    )

    assert new.body == rfc8785.dumps(json.loads(new.body))
    assert json.loads(new.body)["data"] == data_of(wallet_id, event, balance)

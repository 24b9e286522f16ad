"""Domain events to contracts and back: nothing is lost on the way, and the entry balances."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.contracts import identity
from events.envelope import Cause, open_envelope
from wallet_ledger import domain
from wallet_ledger.domain import Allocation, Till, Wallet
from wallet_ledger.publish import NotAWalletEvent, from_contract, seal, to_contract

IDS = st.sampled_from(["kantin", "fotokopi", "koperasi"])
AMOUNTS = st.integers(1, 10**12)
TILLS = st.builds(Till, st.just("1000"), IDS, st.just("kasir-1"))
PARTS = st.builds(Allocation, IDS, st.integers(1, 10**11))
SPENT = st.lists(PARTS, min_size=1, max_size=3).map(tuple[Allocation, ...])


@st.composite
def spendings(draw: st.DrawFn) -> domain.Event:
    till, spent = draw(TILLS), draw(SPENT)
    kind = draw(st.sampled_from([domain.ChangeRedeemed, domain.CashedOut]))
    return kind(till, sum(part.amount for part in spent), spent)


EVENTS = st.one_of(
    st.builds(domain.TopUp, TILLS, IDS, AMOUNTS),
    st.builds(domain.ChangeSaved, TILLS, IDS, AMOUNTS, AMOUNTS, AMOUNTS, st.just(0)),
    st.builds(domain.SaleRecorded, TILLS, AMOUNTS, AMOUNTS, st.integers(0, 10**12)),
    spendings(),
)


@given(EVENTS)
def test_an_event_comes_back_as_it_was(event: domain.Event) -> None:
    contract = to_contract("w", event, 0)

    assert from_contract(contract) == event
    assert sum(p["amount"] for p in contract.model_dump()["postings"]) == 0


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

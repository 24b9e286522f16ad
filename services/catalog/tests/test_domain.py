"""The decisions about stores: without a database, a clock or a network."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.domain import (
    ChangeStore,
    Command,
    Event,
    RegisterStore,
    Rejected,
    Store,
    StoreChanged,
    StoreExists,
    StoreRegistered,
    StoreUnknown,
    decide,
    evolve,
    fold,
)

KANTIN = StoreRegistered("kantin", "Kantin", "Gedung A", "store", "active")


def test_a_store_is_active_at_once() -> None:
    assert decide(None, RegisterStore("kantin", "Kantin", "Gedung A", "store")) == [KANTIN]


def test_a_reseller_begins_as_a_draft() -> None:
    events = decide(None, RegisterStore("batik", "Batik", "Jalan 1", "reseller"))

    assert events == [StoreRegistered("batik", "Batik", "Jalan 1", "reseller", "draft")]


@pytest.mark.parametrize(
    ("history", "command", "refusal"),
    [
        ([KANTIN], RegisterStore("kantin", "Kantin", "Gedung A", "store"), StoreExists),
        ([KANTIN], RegisterStore("kantin", "Other", "Gedung B", "reseller"), StoreExists),
        ([], ChangeStore("kantin", "Kantin", None), StoreUnknown),
        ([], ChangeStore("kantin", None, None), StoreUnknown),
    ],
)
def test_refusals(history: list[Event], command: Command, refusal: type[Rejected]) -> None:
    with pytest.raises(refusal):
        decide(fold(history), command)


@pytest.mark.parametrize(
    ("command", "events"),
    [
        (ChangeStore("kantin", "Kantin 2", None), [StoreChanged("kantin", "Kantin 2", "Gedung A")]),
        (ChangeStore("kantin", None, "Gedung B"), [StoreChanged("kantin", "Kantin", "Gedung B")]),
        (ChangeStore("kantin", "K", "B"), [StoreChanged("kantin", "K", "B")]),
        (ChangeStore("kantin", None, None), []),
        (ChangeStore("kantin", "Kantin", "Gedung A"), []),
    ],
)
def test_a_change_keeps_what_it_does_not_name(command: Command, events: list[Event]) -> None:
    assert decide(fold([KANTIN]), command) == events


IDS = st.just("kantin")
NAMES = st.sampled_from(["a", "b"])
KINDS = st.sampled_from(["store", "reseller"])
COMMANDS = st.one_of(
    st.builds(
        RegisterStore, st.just("kantin"), NAMES, NAMES, st.sampled_from(["store", "reseller"])
    ),
    st.builds(ChangeStore, IDS, st.none() | NAMES, st.none() | NAMES),
)


@given(st.lists(COMMANDS, max_size=10))
def test_kind_state_and_id_never_change(commands: list[Command]) -> None:
    store: Store | None = None
    for command in commands:
        before = store
        try:
            events = decide(store, command)
        except Rejected:
            continue
        for event in events:
            store = evolve(store, event)
        if before is not None and store is not None:
            assert (store.store_id, store.kind, store.state) == (
                before.store_id,
                before.kind,
                before.state,
            )

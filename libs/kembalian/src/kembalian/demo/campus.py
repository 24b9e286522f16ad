"""The campus of the paper: three stores, four members, a cashier per store.

Source: paper B (Swari and Welda), section 3.3 and figures 10 to 12.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, cast


@dataclass(frozen=True, slots=True)
class Store:
    """A store and its name in the figures."""

    store_id: str
    name: str
    address: str
    in_figures: str


@dataclass(frozen=True, slots=True)
class Person:
    """A member with a pre-printed card."""

    name: str
    card_number: str
    identity_number: str


@dataclass(frozen=True, slots=True)
class Step:
    """One visit to a till: change `saved`, or an amount `paid` with the card; rupiah."""

    number: int
    store_id: str
    saved: int
    paid: int
    balance: int  # of the member afterwards, as the figure prints it


STORES = (
    Store("kantin", "Kantin", "Gedung A, lantai 1", "Store1"),
    Store("fotokopi", "Fotokopi", "Gedung B, lantai 1", "Store2"),
    Store("koperasi", "Koperasi", "Gedung C, lantai 2", "Store3"),
)

MEMBERS = (
    Person("Susila", "1000", "5171010101900001"),
    Person("Handika", "1001", "5171010202910002"),
    Person("Sinia", "1003", "5171014303920003"),
    Person("Rani", "1004", "5171014404930004"),
)

MEMBERS_ADDRESS = "Jalan Raya Puputan 86, Denpasar"


def cashier_id(store: Store) -> str:
    """Return the id, and user name, of a store's cashier."""
    return f"kasir-{store.store_id}"


def operator_name(store: Store) -> str:
    """Return the user name of a store's operator."""
    return f"operator-{store.store_id}"


def golden() -> dict[str, Any]:
    """Return what the figures of the paper say, as campus_2016.json keeps it."""
    text = files("kembalian.demo").joinpath("campus_2016.json").read_text(encoding="utf-8")
    return cast("dict[str, Any]", json.loads(text))


def steps() -> Iterator[Step]:
    """Yield the trial's visits in the order of the file."""
    store_ids = {store.in_figures: store.store_id for store in STORES}
    for number, line in enumerate(golden()["transactions"], start=1):
        yield Step(number, store_ids[line["store"]], line["saved"], line["paid"], line["balance"])


def trial_card() -> str:
    """Return the card of the trial's one member."""
    return str(golden()["card"])

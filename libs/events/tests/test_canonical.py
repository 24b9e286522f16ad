"""msgspec's sorted encoding against rfc8785, for all that an envelope may hold."""

from typing import Any, cast

import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from events.canonical import canonical
from events.contracts import CONTRACTS

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
KEYS = st.text(st.characters(max_codepoint=127))
NUMBERS = st.integers(-(2**53) + 1, 2**53 - 1)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
)


@given(st.dictionaries(KEYS, VALUES, max_size=6))
def test_it_is_the_canonical_form(value: dict[str, Any]) -> None:
    assert canonical(value) == rfc8785.dumps(value)


def test_no_contract_has_a_float_or_a_key_that_is_not_ascii() -> None:
    def walk(node: object) -> None:
        match node:
            case dict():
                members = cast("dict[str, object]", node)
                assert members.get("type") != "number", members
                assert all(key.isascii() for key in members)
                for value in members.values():
                    walk(value)
            case list():
                for value in cast("list[object]", node):
                    walk(value)
            case _:
                return

    for contract in CONTRACTS.values():
        walk(contract.model_json_schema())

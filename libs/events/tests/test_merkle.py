from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events import merkle

# Certificate Transparency's own test data: eight leaves and the roots of the first n of them.
LEAVES = [
    bytes.fromhex(text)
    for text in [
        *("", "00", "10", "2021", "3031", "40414243", "5051525354555657"),
        "606162636465666768696a6b6c6d6e6f",
    ]
]
ROOTS = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


def recursive_root(bodies: list[bytes]) -> bytes:
    """RFC 9162, section 2.1.1, word for word."""
    if len(bodies) == 1:
        return sha256(b"\x00" + bodies[0]).digest()
    split = 1
    while split * 2 < len(bodies):
        split *= 2
    left, right = recursive_root(bodies[:split]), recursive_root(bodies[split:])
    return sha256(b"\x01" + left + right).digest()


@pytest.mark.parametrize(("count", "expected"), ROOTS.items())
def test_the_root_is_that_of_the_published_vectors(count: int, expected: str) -> None:
    assert merkle.root(LEAVES[:count]).hex() == expected


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=70))
def test_the_root_is_that_of_the_recursive_definition(bodies: list[bytes]) -> None:
    assert merkle.root(bodies) == recursive_root(bodies)


def test_a_link_depends_on_everything_that_it_covers() -> None:
    at = datetime(2026, 11, 22, 10, 0, 0, 123456, tzinfo=UTC)
    other_root, other_link = bytes([1]) * 32, bytes([2]) * 32

    links = {
        merkle.link(merkle.GENESIS, 1, 2, at, merkle.GENESIS),
        merkle.link(other_link, 1, 2, at, merkle.GENESIS),
        merkle.link(merkle.GENESIS, 2, 2, at, merkle.GENESIS),
        merkle.link(merkle.GENESIS, 1, 3, at, merkle.GENESIS),
        merkle.link(merkle.GENESIS, 1, 2, at + timedelta(microseconds=1), merkle.GENESIS),
        merkle.link(merkle.GENESIS, 1, 2, at, other_root),
    }

    assert len(links) == 6


@given(st.integers(0, 2**53))
def test_microseconds_are_exact(value: int) -> None:
    assert merkle.microseconds(merkle.EPOCH + timedelta(microseconds=value)) == value

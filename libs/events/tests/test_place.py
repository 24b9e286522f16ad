import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.place import PARTITIONS_MAX, POSITION_MAX, Place

places = st.dictionaries(
    st.integers(0, PARTITIONS_MAX), st.integers(0, POSITION_MAX), min_size=1, max_size=12
).map(Place.of)


@given(places)
def test_a_place_comes_back_from_its_text(place: Place) -> None:
    assert Place.parse(str(place)) == place


@given(places)
def test_the_text_is_safe_in_a_url(place: Place) -> None:
    assert set(str(place)) <= set("0123456789-_")


def test_the_empty_place_has_a_text_that_everything_reaches() -> None:
    empty = Place.of({})

    assert str(empty) == "0-0"
    assert empty.reaches(Place.parse("0-0"))


@pytest.mark.parametrize(
    "text",
    [
        *("", "-", "0", "0-", "-5", "0-5_", "_0-5", "0-5__1-5", "0--5", "0-+5", " 0-5", "0-5 "),
        *("0-5\n", "00-5", "0-05", "1-5_0-5", "0-5_0-6", "0-٣", "a-5", "0-0x5", "0-1e3", "0-5.0"),
        *("32768-1", "0-9223372036854775808", "0-" + "9" * 20, "99999999999-1", "0-5,1-5"),
    ],
)
def test_a_text_that_was_never_a_place_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a ledger position"):
        Place.parse(text)


def test_a_place_reaches_another_in_the_partitions_that_the_other_names() -> None:
    here = Place.of({0: 5, 1: 7})

    assert here.reaches(Place.of({0: 5}))
    assert here.reaches(Place.of({1: 7, 2: 0}))
    assert not here.reaches(Place.of({0: 6}))
    assert not here.reaches(Place.of({2: 1}))


def test_a_place_tells_its_partitions_and_positions() -> None:
    place = Place.of([(3, 5), (0, 12)])

    assert str(place) == "0-12_3-5"
    assert (place.at(3), place.at(1)) == (5, 0)
    assert place.partitions() == {0, 3}

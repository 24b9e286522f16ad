"""What no ledger can hold is refused where it stands in a file, before anything is made of it."""

from collections import deque

import pytest

from events.outcomes import Outcome
from wallet_ledger.ledger_file import (
    HeadLine,
    LinkLine,
    OutcomesLine,
    event_line,
    header_line,
    outcome_line,
    written,
)
from wallet_ledger.ledger_proof import BadLine, Proof

NO_HASH = "00" * 32
HEADER, OUTCOME, OUTCOMES, LINK, EVENT = range(5)


def file_of_one_event(body: bytes = b"{}") -> list[bytes]:
    """Return the lines of a file up to its first event, which is what each of them must be."""
    return [
        written(header_line([HeadLine(0, 2, NO_HASH)])),
        outcome_line(Outcome("cashier", "key", b"mark", 201, b"{}")),
        written(OutcomesLine("outcomes", 1)),
        written(LinkLine("link", 0, 1, 2, 1_700_000_000_000_000, NO_HASH, NO_HASH)),
        event_line(0, 1, body),
    ]


def refused_at(lines: list[bytes]) -> tuple[int, str]:
    """Return the index of the first line that is refused, and why."""
    with pytest.raises(BadLine) as caught:
        deque(map(Proof().take, lines), maxlen=0)
    return caught.value.number - 1, str(caught.value)


@pytest.mark.parametrize(
    ("at", "there", "instead"),
    [
        (HEADER, b'"position":2', b'"position":9223372036854775808'),
        (OUTCOME, b'"caller":"cashier"', rb'"caller":"cash\u0000ier"'),
        (OUTCOME, b'"key":"key"', rb'"key":"ke\u0000y"'),
        (OUTCOME, b'"status":201', b'"status":40000'),
        (OUTCOME, b'"status":201', b'"status":-1'),
        (LINK, b'"first":1', b'"first":18446744073709551617'),
        (LINK, b'"count":2', b'"count":9223372036854775808'),
        (LINK, b'"recorded_at":1700000000000000', b'"recorded_at":1000000000000000000'),
        (LINK, b'"recorded_at":1700000000000000', b'"recorded_at":-1'),
    ],
)
def test_a_value_out_of_range_is_refused_in_its_own_line(
    at: int, there: bytes, instead: bytes
) -> None:
    lines = file_of_one_event()
    assert there in lines[at]
    lines[at] = lines[at].replace(there, instead)

    where, why = refused_at(lines)

    assert (where, "not what is due here" in why) == (at, True)


@pytest.mark.parametrize(("body", "nul"), [(rb'"a\u0000"', True), (rb'"a\\u0000"', False)])
def test_an_event_with_a_nul_is_refused_and_one_that_spells_it_is_not(
    body: bytes, nul: bool
) -> None:
    where, why = refused_at(file_of_one_event(body))

    assert (where, "holds a NUL" in why) == (EVENT, nul)

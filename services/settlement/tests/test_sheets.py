"""CSV: no cell is a formula, and amounts stay plain digits."""

import pytest
from pydantic import BaseModel

from settlement.sheets import cell, csv_bytes


class Line(BaseModel):
    name: str
    amount: int


@pytest.mark.parametrize("text", ["=1+1", "+62", "-5", "@SUM(A1)", "\tx", "\r=1", "\n=1"])
def test_a_text_that_begins_like_a_formula_is_set_off(text: str) -> None:
    assert cell(text) == f"'{text}"


def test_amounts_are_plain_digits() -> None:
    assert [cell(5), cell(-5), cell(10**12)] == ["5", "-5", "1000000000000"]


def test_what_separates_cells_is_quoted() -> None:
    sheet = csv_bytes(["name", "amount"], [Line(name='a,"b"', amount=1)])

    assert sheet == b'name,amount\n"a,""b""",1\n'

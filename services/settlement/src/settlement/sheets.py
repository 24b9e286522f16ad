"""CSV of a report: the names of a row, then the rows, nothing else; safe in a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Sequence

from pydantic import BaseModel

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet takes for the beginning of a formula, or skips before one."""


def csv_bytes(columns: Sequence[str], rows: Iterable[BaseModel]) -> bytes:
    r"""Return UTF-8, lines ended by `\n`; amounts are plain digits."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        values = row.model_dump()
        writer.writerow([cell(values[column]) for column in columns])
    return text.getvalue().encode()


def cell(value: object) -> str:
    """Return the text of one cell, empty for None; what begins like a formula gets a `'`."""
    text = "" if value is None else str(value)
    if isinstance(value, str) and text.startswith(FORMULA):
        return f"'{text}"
    return text

"""One line of the table, and the table: pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

COLUMNS = ["measure", "value", "against", "ratio", "at least", "", "CPU us each"]

Sense = Literal["at least", "at most"]
TargetOf = Literal["ratio", "value"]
"""What the target is of, in a row that has a ratio."""


@dataclass(frozen=True, slots=True)
class Row:
    """A measured value beside its baseline; `ratio` and `target` where the issue names one.

    A value of None could not be taken, `note` says why; a target is missed then.
    """

    measure: str
    value: float | None
    unit: str
    against: str = ""
    baseline: float | None = None
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    target: float | None = None
    target_of: TargetOf = "ratio"
    sense: Sense = "at least"
    cpu_us: Mapping[str, float] = field(default_factory=dict[str, float])
    note: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def reached(self) -> bool | None:
        """Tell whether the target is met; None where there is none."""
        if self.target is None:
            return None
        by_value = self.ratio is None or self.target_of == "value"
        have = self.value if by_value else self.ratio
        if have is None:
            return False
        return have >= self.target if self.sense == "at least" else have <= self.target


def cells(row: Row) -> list[str]:
    """Return a row as the table shows it."""
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    if row.ratio is not None and row.ratio_low is not None and row.ratio_high is not None:
        ratio += f" ({row.ratio_low:.2f}-{row.ratio_high:.2f})"
    against = row.against
    if row.baseline is not None:
        against = f"{row.against} {row.baseline:,.0f}".strip()
    target = "" if row.target is None else f"{row.target:g}"
    if row.sense == "at most" and target:
        target = f"<= {target}"
    verdict = {None: "", True: "yes", False: "MISSED"}[row.reached]
    each = ", ".join(f"{name} {used:,.0f}" for name, used in row.cpu_us.items() if used >= 1)
    notes = " ".join(part for part in (each, row.note) if part)
    return [row.measure, _value(row), against, ratio, target, verdict, notes]


def _value(row: Row) -> str:
    if row.value is None:
        return "none"
    digits = f"{row.value:,.0f}" if row.value >= 100 else f"{row.value:.2f}"
    return f"{digits} {row.unit}"


def document(rows: Sequence[Row], about: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON of a run."""
    return {**about, "rows": [{**asdict(row), "reached": row.reached} for row in rows]}

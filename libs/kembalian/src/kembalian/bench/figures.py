"""Percentiles, medians and ratios: pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle of several rounds, and how far apart they lay."""

    median: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """Return median, smallest and largest of `values`, at least one."""
    return Spread(median(values), min(values), max(values))


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the smallest value that `share` (0 to 1) of `ordered` (ascending) does not exceed."""
    return ordered[max(0, ceil(share * len(ordered)) - 1)]


def latencies_ms(seconds: Sequence[float]) -> dict[str, float]:
    """Return p50, p99, p99.9 and the largest of `seconds`, in milliseconds; {} of none."""
    ordered = sorted(seconds)
    if not ordered:
        return {}
    shares = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999, "max": 1.0}
    return {name: round(percentile(ordered, share) * 1000, 2) for name, share in shares.items()}


def ratio_of_rounds(subject: Sequence[float], baseline: Sequence[float]) -> Spread:
    """Return the ratios of rounds that ran next to each other."""
    return spread([a / b for a, b in zip(subject, baseline, strict=True)])

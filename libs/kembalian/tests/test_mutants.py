"""The judge of a mutation run: enough, too few, and a run that ran nothing."""

import pytest

from kembalian.testing.mutants import judged

NOTHING = {"total": 100, "killed": 0, "survived": 0, "timeout": 0, "skipped": 0}


@pytest.mark.parametrize(
    ("stats", "enough", "said"),
    [
        ({"killed": 88, "timeout": 2, "survived": 10}, True, "90.0% died"),
        ({"killed": 89, "timeout": 0, "survived": 11}, False, "89.0% died"),
        ({"killed": 44, "survived": 4, "skipped": 52}, True, "91.7% died"),
        ({}, False, "100 without a verdict: the run is not complete"),
        ({"killed": 99}, False, "1 without a verdict: the run is not complete"),
        ({"total": 0}, False, "not complete"),
    ],
)
def test_a_run_is_judged(stats: dict[str, int], enough: bool, said: str) -> None:
    assert judged({**NOTHING, **stats})[0] is enough
    assert said in judged({**NOTHING, **stats})[1]

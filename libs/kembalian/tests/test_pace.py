"""How long work takes, in words."""

import pytest

from kembalian.operators.pace import WINDOW_SECONDS, Pace
from kembalian.operators.speaking import progress


@pytest.mark.parametrize(
    ("looks", "total", "said"),
    [
        ([], 10, "..."),
        ([(0.0, 0)], 10, "..."),
        ([(0.0, 5), (1.0, 5)], 10, "..."),
        ([(0.0, 0), (2.0, 100_000)], 1_000_000, "50,000/s, 18 s left"),
        ([(0.0, 0), (1.0, 10)], 1_510, "10/s, 2 min 30 s left"),
        ([(0.0, 0), (1.0, 10)], 5, "10/s, 0 s left"),
    ],
)
def test_rate_and_time_left(looks: list[tuple[float, int]], total: int, said: str) -> None:
    pace = Pace()
    for seconds, done in looks:
        pace.look(seconds, done)

    assert pace.said(total) == said


def test_only_the_last_seconds_count() -> None:
    pace = Pace()
    for second in range(60):
        pace.look(float(second), 1_000 * second if second < 30 else 30_000 + 10 * (second - 30))

    assert pace.per_second() == pytest.approx(10, rel=0.01)
    assert WINDOW_SECONDS < 30


def test_a_log_gets_a_line_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seconds = iter([0.0, 1.0, 6.0, 7.0])
    monkeypatch.setattr("kembalian.operators.speaking.time.monotonic", lambda: next(seconds))

    with progress("replay", quiet=False) as begin:
        tell = begin("events")
        for done in (10, 60, 70):
            tell(done, 110)

    assert capsys.readouterr().err == "replay: events 60 of 110, 10/s, 5 s left\n"

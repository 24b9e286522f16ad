"""How fast long work goes and how long it still takes: pure, but for whoever reads the clock."""

from collections import deque
from dataclasses import dataclass, field

WINDOW_SECONDS = 15.0


@dataclass(slots=True)
class Pace:
    """Looks at how much was done over the last WINDOW_SECONDS."""

    _looks: deque[tuple[float, int]] = field(default_factory=deque[tuple[float, int]])

    def look(self, seconds: float, done: int) -> None:
        """Note how much is done at a moment of a clock that never goes back."""
        self._looks.append((seconds, done))
        while len(self._looks) > 2 and seconds - self._looks[0][0] > WINDOW_SECONDS:
            self._looks.popleft()

    def per_second(self) -> float | None:
        """Return how much is done per second, None while nothing can be said."""
        if len(self._looks) < 2:
            return None
        (begun, before), (now, done) = self._looks[0], self._looks[-1]
        return (done - before) / (now - begun) if now > begun and done > before else None

    def seconds_left(self, total: int) -> float | None:
        """Return how long the rest takes at this pace."""
        pace = self.per_second()
        return None if pace is None else max(0, total - self._looks[-1][1]) / pace

    def said(self, total: int) -> str:
        """Return it in words, such as `48,000/s, 18 s left`."""
        pace, left = self.per_second(), self.seconds_left(total)
        if pace is None or left is None:
            return "..."
        minutes, seconds = divmod(round(left), 60)
        shown = f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
        return f"{pace:,.0f}/s, {shown} left"

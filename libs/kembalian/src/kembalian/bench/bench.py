"""What every measure gets: the running house, the town in it, and how long to take."""

from collections.abc import Callable
from dataclasses import dataclass

from kembalian.bench.spec import Hot, Load
from kembalian.bench.town import Tokens, Town
from kembalian.operators.live import LiveRun

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Pace:
    """How long and how often; `quick` is for a look, `full` takes what it takes."""

    rounds: int
    seconds: float
    warm_seconds: float
    full: bool

    def target_at_full_size(self, target: float) -> float | None:
        """Return a target that is of a large town or history, None where they are not made."""
        return target if self.full else None


@dataclass(frozen=True, slots=True)
class Bench:
    """The context of one run of measures."""

    run: LiveRun
    town: Town
    tokens: Tokens
    pace: Pace
    say: Say

    def load(self, key: str, *, hot: Hot = "") -> Load:
        """Return a closed loop of single entries over all wallets; `aimed` says at whom."""
        return Load(
            host="",
            port=0,
            tokens=self.tokens.tills,
            stores=self.town.stores,
            key=key,
            wallets=self.town.wallets,
            hot=hot,
            warm_seconds=self.pace.warm_seconds,
            seconds=self.pace.seconds,
        )

    def pids(self, *names: str) -> dict[str, int]:
        """Return the process ids of some of the house, all if none is named."""
        wanted = names or ("wallet-ledger", "postgres", "broker", "settlement", "gateway")
        return {name: self.run.pids[name] for name in wanted if name in self.run.pids}

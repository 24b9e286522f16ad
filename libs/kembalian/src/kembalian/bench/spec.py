"""What a load generator is told: one JSON document."""

from dataclasses import dataclass
from typing import Literal

Hot = Literal["", "wallet", "store"]


@dataclass(frozen=True, slots=True)
class Load:
    """Whom to ask, what for, how often and how long; `rate` per second, 0 = a closed loop."""

    host: str
    port: int
    tokens: list[str]
    stores: list[str]
    key: str
    wallets: int
    path: str = "/api/v1/pos"
    exponent: float = 0.99
    hot: Hot = ""
    connections: int = 64
    rate: float = 0.0
    warm_seconds: float = 1.0
    seconds: float = 5.0
    batch: int = 0
    places: bool = False

"""What clients of a load ask for: entries, batches, holds, and what corrects them."""

import json
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import httpx

CHANNEL: Final = "channel"
ORDERS: Final = "orders"
ADMIN: Final = "admin"
FINANCE: Final = "finance"

TillKind = Literal["change", "redemption", "topup", "cashout"]
OrderKind = Literal["hold", "confirm", "release", "refund"]
ReversalKind = Literal["request", "approve", "reject"]
Kind = TillKind | OrderKind | ReversalKind

TILL_KINDS: Final = frozenset({"change", "redemption", "topup", "cashout"})

IN_FLIGHT: Final = "/problems/request-in-flight"
FORBIDDEN: Final = 403
"""Said to whoever approves what he asked for himself; such an answer is not kept."""

SHORT_SECONDS: Final = 1
"""How long a hold lives that is left to time out."""


@dataclass(frozen=True, slots=True)
class Wallet:
    """A member's card; `owner` is the one client that uses it, None where all do."""

    member_id: str
    card_number: str
    owner: int | None


@dataclass(slots=True)
class Operation:
    """One command about one wallet under one key, and its one answer after all tries.

    `store_id` and `payment_id` are "" where none is named. `short`: its hold is left to time out.
    Of a reversal: `by`, who asks or decides; `reversal_id`, which is "" while it is asked for. The
    status stays 0 where an atomic batch was refused for another entry.
    """

    kind: Kind
    key: str
    wallet: Wallet
    body: dict[str, Any]
    store_id: str = ""
    payment_id: str = ""
    short: bool = False
    reversal_id: str = ""
    by: str = ""
    status: int = 0
    answer: bytes = b""

    @property
    def acknowledged(self) -> bool:
        """True if the client was told that it took effect."""
        return self.status == 201

    def said(self) -> dict[str, Any]:
        """Return the answer's body."""
        return json.loads(self.answer)

    def event_ids(self) -> list[str]:
        """Return the ids of the events that it was acknowledged with, in order."""
        said = self.said()
        return said["event_ids"] if "event_ids" in said else [said["event_id"]]


@dataclass(slots=True)
class Errand:
    """One request, asked until it is answered: by a till, the channel, for an order, by the staff.

    `speaker`: a store id, CHANNEL, ORDERS, ADMIN or FINANCE. `atomic` batches are refused as a
    whole, for the entry `refused_at`: None where there was no refusal.
    """

    speaker: str
    path: str
    key: str
    body: Any
    operations: list[Operation]
    atomic: bool = False
    refused_at: int | None = None
    status: int = 0
    answer: bytes = b""
    tries: int = 0
    seconds: float = 0.0
    follows: "Errand | None" = field(default=None, repr=False)
    """What is to be done with a hold once it is placed."""
    rival: "Errand | None" = field(default=None, repr=False)
    """What is asked at the same time, by the same client: not both can be done."""

    def take(self, answer: httpx.Response) -> bool:
        """Keep an answer for good; False if it is only a reason to ask again."""
        if is_passing(answer.status_code, answer.content):
            return False
        if self.speaker == CHANNEL:
            taken = self._take_outcomes(answer)
        else:
            [operation] = self.operations
            operation.status, operation.answer = answer.status_code, answer.content
            taken = True
        self.status, self.answer = answer.status_code, answer.content
        return taken

    def _take_outcomes(self, answer: httpx.Response) -> bool:
        said: dict[str, Any] = answer.json()
        if answer.status_code != 200:
            self.refused_at = said["index"]
            refused = self.operations[int(said["index"])]
            refused.status, refused.answer = answer.status_code, answer.content
            assert (self.atomic, said["key"]) == (True, refused.key), answer.text
            return True
        bodies = [json.dumps(outcome["body"]).encode() for outcome in said["outcomes"]]
        statuses = [outcome["status"] for outcome in said["outcomes"]]
        assert [o["key"] for o in said["outcomes"]] == [o.key for o in self.operations]
        if any(map(is_passing, statuses, bodies)):
            return False
        for operation, status, body in zip(self.operations, statuses, bodies, strict=True):
            operation.status, operation.answer = status, body
        return True

    @property
    def repeatable(self) -> bool:
        """True if its keys were used, so that asking again cannot move anything."""
        return self.refused_at is None and self.status != FORBIDDEN


def is_passing(status: int, content: bytes) -> bool:
    """Tell whether the ledger has not answered for good: the same key is to be asked again."""
    if status == 409:
        return json.loads(content)["type"] == IN_FLIGHT
    return status == 503

"""Result or refusal -> status and bytes: pure, and made before the commit that keeps them."""

import json
from dataclasses import asdict, dataclass

from catalog.domain import Rejected, Store, StoreExists, StoreUnknown
from events.outcomes import KeyReused, RequestInFlight
from web.problems import FieldError, problem_bytes, status_of

SLUGS: dict[type[Exception], str] = {
    StoreExists: "already-exists",
    StoreUnknown: "not-found",
    RequestInFlight: "request-in-flight",
    KeyReused: "idempotency-key-reused",
}
"""Every refusal that is not a form's own, and the problem that it is answered with."""

FIELDS: dict[type[Exception], list[FieldError]] = {
    StoreExists: [{"field": "store_id", "message": "exists already"}],
}
"""What a form is to show beside its fields."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it is kept; `replayed` = given before, and given again byte for byte."""

    status: int
    body: bytes
    replayed: bool = False


def registered(store: Store) -> Answer:
    """Return the answer to a registration that took place."""
    return Answer(201, json.dumps(asdict(store), ensure_ascii=False).encode())


def refused(refusal: Rejected) -> Answer:
    """Return the answer to a command that was decided against."""
    slug = SLUGS[type(refusal)]
    return Answer(status_of(slug), problem_bytes(slug, errors=FIELDS.get(type(refusal), ())))

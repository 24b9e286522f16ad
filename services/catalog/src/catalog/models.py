"""What requests and answers look like."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field
from pydantic_core import PydanticCustomError

from catalog.domain import StoreKind, StoreState
from web.models import Body, StoreId, Text100, Text200
from web.validation import OWN_ERROR

RESERVED = frozenset({"platform"})
"""Ids that are no store's: `platform` issues what a bank tops up."""


def _not_reserved(store_id: str) -> str:
    if store_id in RESERVED:
        raise PydanticCustomError(OWN_ERROR, "is reserved")
    return store_id


class RegisterStoreRequest(Body):
    """A new store; its id is chosen once and never changes."""

    store_id: Annotated[StoreId, AfterValidator(_not_reserved)]
    name: Text100
    address: Text200
    kind: StoreKind = "store"


class ChangeStoreRequest(Body):
    """Name or address of a store, or both; what is left out stays, and none can be emptied."""

    # The factories make a field optional without a default that could pass for a value.
    name: Text100 = Field(default_factory=str)
    address: Text200 = Field(default_factory=str)


class StoreResponse(BaseModel):
    """A store as it is read."""

    store_id: str
    name: str
    address: str
    kind: StoreKind
    state: StoreState


class StorePage(BaseModel):
    """Stores by id; `total` for admins only."""

    items: list[StoreResponse]
    next_cursor: str | None
    total: int | None = None


class EveryStore(BaseModel):
    """All stores by id, drafts too."""

    items: list[StoreResponse]

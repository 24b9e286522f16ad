"""A plain batch, from its bytes to its entries without the framework's models. Pure.

It takes only what is certainly right; whatever else there may be goes to the route's own models,
which are the contract, and which say what is wrong. What it takes they take with the same meaning
and the same fingerprints (a test compares them).
"""

import hashlib
from collections.abc import Sequence
from typing import Annotated, Any, Final, TypeAlias

import msgspec

from wallet_ledger.models import ENTRIES_MAX
from web.models import AMOUNT_MAX

CardNumber = Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{4,32}\Z")]
StoreId = Annotated[str, msgspec.Meta(pattern=r"\A[a-z0-9][a-z0-9-]{1,31}\Z")]
Key = Annotated[str, msgspec.Meta(pattern=r"\A[\x20-\x7e]{1,255}\Z")]
Amount = Annotated[int, msgspec.Meta(gt=0, le=AMOUNT_MAX)]


class Entry(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True
):
    """What all entries say."""

    key: Key
    card_number: CardNumber
    store_id: StoreId


class Change(Entry, frozen=True, tag_field="type", tag="change", kw_only=True):
    """A sale paid in cash."""

    sale_total: Amount
    tendered: Amount
    save: bool | msgspec.UnsetType = msgspec.UNSET


class Redemption(Entry, frozen=True, tag_field="type", tag="redemption", kw_only=True):
    """A payment with the card; with a PIN it is not plain."""

    amount: Amount


class TopUp(Entry, frozen=True, tag_field="type", tag="topup", kw_only=True):
    """Cash paid in."""

    amount: Amount


class CashOut(Entry, frozen=True, tag_field="type", tag="cashout", kw_only=True):
    """Cash paid out."""

    amount: Amount


PlainEntry: TypeAlias = Change | Redemption | TopUp | CashOut


class Batch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Entries that succeed or are refused each by itself."""

    entries: Annotated[
        list[PlainEntry],
        msgspec.Meta(min_length=1, max_length=ENTRIES_MAX),
    ]


_DECODER: Final = msgspec.json.Decoder(Batch)
_CHANGE: Final = (
    b'["POST","/api/v1/ledger/batch",{"card_number":"%b","sale_total":%d%b,'
    b'"store_id":"%b","tendered":%d,"type":"change"}]'
)
_OTHER: Final = (
    b'["POST","/api/v1/ledger/batch",{"amount":%d,"card_number":"%b","store_id":"%b","type":"%b"}]'
)
_TYPES: Final = {Redemption: b"redemption", TopUp: b"topup", CashOut: b"cashout"}
_SAVE: Final = {msgspec.UNSET: b"", True: b',"save":true', False: b',"save":false'}


def entries_of(body: bytes) -> Sequence[PlainEntry] | None:
    """Return the entries of a plain batch, whose keys differ; None for any other."""
    if b"\\" in body:  # an escape could hide a key that comes twice
        return None
    try:
        entries = _DECODER.decode(body).entries
    except (msgspec.MsgspecError, ValueError):  # the latter for what is not UTF-8
        return None
    if len({entry.key for entry in entries}) != len(entries):
        return None
    return entries if body.count(b":") == _colons(entries) else None


def _colons(entries: Sequence[PlainEntry]) -> int:
    """Return how many colons there are if each field is there once: a key may hold some, too."""
    count = 1
    for entry in entries:
        count += 5 + entry.key.count(":")
        if isinstance(entry, Change):
            count += 1 if entry.save is msgspec.UNSET else 2
    return count


def fingerprint_of(entry: PlainEntry) -> bytes:
    """Return the fingerprint of an entry as if it had come alone; its fields need no escapes."""
    card, store = entry.card_number.encode(), entry.store_id.encode()
    if isinstance(entry, Change):
        save = _SAVE[entry.save]
        text = _CHANGE % (card, entry.sale_total, save, store, entry.tendered)
    else:
        text = _OTHER % (entry.amount, card, store, _TYPES[type(entry)])
    return hashlib.sha256(text).digest()


def shown(entry: PlainEntry) -> dict[str, Any]:
    """Return an entry as it came, to be passed on."""
    return msgspec.to_builtins(entry)

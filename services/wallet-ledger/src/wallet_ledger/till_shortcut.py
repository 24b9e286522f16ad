"""The short way of a till's plain request: from its bytes to an order, without the framework. Pure.

It takes only what is certainly right: a token that was verified before, one value of each header,
a body that decodes into exactly the fields of its call, a store that is in memory, a
partition that this process writes. Everything else goes to the routes of `api_till`, which are the
contract; what this way accepts, they accept with the same order (a test compares them).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final, TypeAlias

import msgspec

from events.envelope import Cause
from wallet_ledger.api_till import PREFIX
from wallet_ledger.directory import Directory
from wallet_ledger.domain import CashOut, Command, RecordSale, Redeem, Till, TopUpWithCash
from wallet_ledger.group import Order
from wallet_ledger.handlers import Ledger
from wallet_ledger.owners import CardHolder
from wallet_ledger.serving import cause_of
from wallet_ledger.till_commands import Limits
from web.idempotency import KEY
from web.models import AMOUNT_MAX
from web.verifier import Principal, TokenVerifier

CardNumber = Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{4,32}\Z")]
Amount = Annotated[int, msgspec.Meta(gt=0, le=AMOUNT_MAX)]


# Fields in the order of RFC 8785, so that encoding a form gives its canonical bytes.


class Spend(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A redemption, a top-up or a cash-out."""

    amount: Amount
    card_number: CardNumber


class Change(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True
):
    """A sale paid in cash."""

    card_number: CardNumber
    sale_total: Amount
    save: bool | msgspec.UnsetType = msgspec.UNSET
    tendered: Amount


Fields: TypeAlias = Sequence[tuple[bytes, bytes]]
"""The fields of a head as they came, names in lower case."""

Headers: TypeAlias = dict[bytes, bytes]

Form: TypeAlias = Spend | Change

FORMS: Final[dict[bytes, type[Form]]] = {
    f"{PREFIX}/change".encode(): Change,
    f"{PREFIX}/redemptions".encode(): Spend,
    f"{PREFIX}/topups".encode(): Spend,
    f"{PREFIX}/cashouts".encode(): Spend,
}
"""Path as sent -> what its body must be; a PIN, for one, takes the long way."""

BODY_BYTES_MAX: Final = 512
UNWANTED: Final = frozenset(
    {b"x-kembalian-forwarded", b"expect", b"content-encoding", b"transfer-encoding", b"upgrade"}
)
BEARER: Final = b"Bearer "


@dataclass(frozen=True, slots=True)
class Parts:
    """What the short way needs of the process."""

    verifier: TokenVerifier
    directory: Directory
    ledger: Ledger
    limits: Limits


DECODERS: Final[dict[bytes, "msgspec.json.Decoder[Form]"]] = {
    path: msgspec.json.Decoder(form) for path, form in FORMS.items()
}


@dataclass(slots=True)
class Plain:
    """A plain request: all of its order but who holds the card."""

    path: str
    form: Form
    cashier: Principal
    key: str
    mark: bytes
    cause: Cause

    def order(self, holder: CardHolder, limits: Limits) -> Order | None:
        """Return the order, None where the long way must say what is missing."""
        till = Till(self.form.card_number, self.cashier.store_id or "", self.cashier.subject)
        consented = holder.auto_save_consent
        command = _command(self.path, self.form, till, limits, consented=consented)
        if command is None:
            return None
        caller = self.cashier.caller
        return Order(caller, self.key, self.mark, holder.wallet_id, command, self.cause)


def plain(path: bytes, headers: Headers, body: bytes, parts: Parts) -> Plain | None:
    """Return what a plain request asks for, None for any other. `path` is one of FORMS."""
    form = form_of(body, headers, DECODERS[path])
    cashier = _cashier(headers.get(b"authorization", b""), parts.verifier)
    key = headers.get(b"idempotency-key", b"").decode("latin-1")
    if form is None or cashier is None or not KEY.fullmatch(key):
        return None
    if parts.directory.known_state(cashier.store_id or "") != "active":
        return None
    request_id = headers.get(b"x-request-id", b"").decode("latin-1")
    trace = headers.get(b"traceparent", b"").decode("latin-1")
    called = path.decode()
    mark = hashlib.sha256(msgspec.json.encode(["POST", called, form])).digest()
    return Plain(called, form, cashier, key, mark, cause_of(request_id, trace))


def headers_of(fields: Fields) -> Headers | None:
    """Return the fields by name, None if one is there twice or asks for something else."""
    headers = dict(fields)
    if len(headers) != len(fields) or not UNWANTED.isdisjoint(headers):
        return None
    return headers


def form_of(
    body: bytes, headers: dict[bytes, bytes], decoder: "msgspec.json.Decoder[Form]"
) -> Form | None:
    """Return the body of a plain request, None for any other."""
    if len(body) > BODY_BYTES_MAX or headers.get(b"content-type") != b"application/json":
        return None
    try:
        form = decoder.decode(body)
    except (msgspec.MsgspecError, ValueError):  # the latter for what is not UTF-8
        return None
    return form if _is_plain(form, body) else None


def _is_plain(form: Form, body: bytes) -> bool:
    """Tell whether each field is there once: no value of a valid form holds a colon."""
    count = 2
    if isinstance(form, Change):
        count = 3 if form.save is msgspec.UNSET else 4
    return body.count(b":") == count


def _cashier(authorization: bytes, verifier: TokenVerifier) -> Principal | None:
    if not authorization.startswith(BEARER):
        return None
    principal = verifier.known(authorization[len(BEARER) :].decode("latin-1"))
    return principal if principal is not None and principal.role == "cashier" else None


def _command(
    path: str, form: Form, till: Till, limits: Limits, *, consented: bool
) -> Command | None:
    """Return the command, None where the long way must say what is missing."""
    if isinstance(form, Change):
        if form.tendered < form.sale_total:
            return None
        save = form.save is True
        below = limits.auto_save_below
        return RecordSale(till, form.sale_total, form.tendered, save, consented, below)
    if path.endswith("/topups"):
        return TopUpWithCash(till, form.amount)
    if form.amount > limits.pin_above:
        return None
    return (
        Redeem(till, form.amount) if path.endswith("/redemptions") else CashOut(till, form.amount)
    )

"""The short way of a till's plain request: no framework between the bytes and the ledger.

It answers only what is certainly right: a token that was verified before, one value of each header,
a body that decodes into exactly the fields of its call, a card and a store that are in memory, a
partition that this process writes. Everything else goes to the routes of `api_till`, which are the
contract; what this way accepts, they accept with the same order (a test compares them).
"""

import hashlib
from dataclasses import dataclass
from typing import Annotated, Final, TypeAlias

import msgspec
from fastapi import FastAPI
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from wallet_ledger.api_till import PREFIX
from wallet_ledger.directory import Directory
from wallet_ledger.domain import CashOut, Command, RecordSale, Redeem, Till, TopUpWithCash
from wallet_ledger.group import Order
from wallet_ledger.handlers import Ledger
from wallet_ledger.lane import NotOwner
from wallet_ledger.serving import cause_of
from wallet_ledger.till_commands import Limits
from web.idempotency import KEY
from web.kept import KeptResponse
from web.models import AMOUNT_MAX
from web.problems import Problem
from web.verifier import Principal, TokenVerifier

CardNumber = Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{4,32}\Z")]
Amount = Annotated[int, msgspec.Meta(gt=0, le=AMOUNT_MAX)]


# Fields in the order of RFC 8785, so that encoding a form gives its canonical bytes.


class _Amount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    amount: Amount
    card_number: CardNumber


class _Change(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True
):
    card_number: CardNumber
    sale_total: Amount
    save: bool | msgspec.UnsetType = msgspec.UNSET
    tendered: Amount


Form: TypeAlias = _Amount | _Change

FORMS: Final[dict[bytes, type[Form]]] = {
    f"{PREFIX}/change".encode(): _Change,
    f"{PREFIX}/redemptions".encode(): _Amount,
    f"{PREFIX}/topups".encode(): _Amount,
    f"{PREFIX}/cashouts".encode(): _Amount,
}
"""Path as sent -> what its body must be; a PIN, for one, takes the long way."""

BODY_BYTES_MAX: Final = 512
WANTED: Final = frozenset(
    {b"authorization", b"idempotency-key", b"content-type", b"x-request-id", b"traceparent"}
)
UNWANTED: Final = frozenset({b"x-kembalian-forwarded", b"expect", b"content-encoding"})
BEARER: Final = b"Bearer "


@dataclass(frozen=True, slots=True)
class Parts:
    """What the short way needs of the process."""

    verifier: TokenVerifier
    directory: Directory
    ledger: Ledger
    limits: Limits


class TillShortcut:
    """The ASGI application before the framework's, which takes what this one leaves."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._decoders: dict[bytes, msgspec.json.Decoder[Form]] = {
            path: msgspec.json.Decoder(form) for path, form in FORMS.items()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a plain request of a till, or pass the request on as it came."""
        if scope["type"] != "http" or scope["method"] != "POST" or scope["query_string"]:
            await self._app(scope, receive, send)
            return
        decoder = self._decoders.get(scope["raw_path"])
        parts: Parts | None = getattr(self._app.state, "shortcut", None)
        headers = None if decoder is None or parts is None else _headers_of(scope)
        if headers is None or decoder is None or parts is None:
            await self._app(scope, receive, send)
            return
        message = await receive()
        form = _form_of(message, headers, decoder)
        order = None if form is None else _order_of(scope["path"], headers, form, parts)
        response = None if order is None else await _decided(parts.ledger, order)
        if response is None:
            await self._app(scope, _again(message, receive), send)
        else:
            await response(scope, receive, send)


async def _decided(ledger: Ledger, order: Order) -> Response | None:
    """Return the answer to an order, None if another process must give it."""
    try:
        answer = await ledger.decide_here(order)
    except NotOwner:
        return None
    except Problem as problem:
        return problem.response()
    return KeptResponse(answer.status, answer.body, replayed=answer.replayed)


def _headers_of(scope: Scope) -> dict[bytes, bytes] | None:
    """Return the headers that matter, None if one is there twice or asks for something else."""
    found: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in WANTED:
            if name in found:
                return None
            found[name] = value
        elif name in UNWANTED:
            return None
    return found


def _order_of(
    path: str,
    headers: dict[bytes, bytes],
    form: Form,
    parts: Parts,
) -> Order | None:
    """Return the order of a plain request, None for any other."""
    cashier = _cashier(headers.get(b"authorization", b""), parts.verifier)
    key = headers.get(b"idempotency-key", b"").decode("latin-1")
    if cashier is None or cashier.store_id is None or not KEY.fullmatch(key):
        return None
    known = parts.directory.known(form.card_number, cashier.store_id)
    if known is None or known[1] != "active":
        return None
    holder = known[0]
    till = Till(form.card_number, cashier.store_id, cashier.subject)
    command = _command(path, form, till, parts.limits, consented=holder.auto_save_consent)
    if command is None:
        return None
    request_id = headers.get(b"x-request-id", b"").decode("latin-1")
    trace = headers.get(b"traceparent", b"").decode("latin-1")
    canonical = msgspec.json.encode(["POST", path, form])
    mark = hashlib.sha256(canonical).digest()
    cause = cause_of(request_id, trace)
    return Order(cashier.caller, key, mark, holder.wallet_id, command, cause)


def _form_of(
    message: Message, headers: dict[bytes, bytes], decoder: "msgspec.json.Decoder[Form]"
) -> Form | None:
    """Return the body of a plain request, None for any other."""
    body: bytes = message.get("body", b"")
    if (
        message["type"] != "http.request"
        or message.get("more_body")
        or len(body) > BODY_BYTES_MAX
        or headers.get(b"content-type") != b"application/json"
    ):
        return None
    try:
        form = decoder.decode(body)
    except (msgspec.MsgspecError, ValueError):  # the latter for what is not UTF-8
        return None
    return form if _is_plain(form, body) else None


def _is_plain(form: Form, body: bytes) -> bool:
    """Tell whether each field is there once: no value of a valid form holds a colon."""
    count = 2
    if isinstance(form, _Change):
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
    if isinstance(form, _Change):
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


def _again(message: Message, receive: Receive) -> Receive:
    """Return `receive` that gives `message` once more, then what follows."""
    waiting = [message]

    async def receive_again() -> Message:
        return waiting.pop() if waiting else await receive()

    return receive_again

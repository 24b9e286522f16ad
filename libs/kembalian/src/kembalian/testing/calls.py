"""Every call of the public API: who may, a request that works, and what it answers."""

from dataclasses import dataclass, field
from typing import Any

ADMIN = frozenset({"admin"})
READERS = frozenset({"admin", "finance", "auditor"})
OF_A_STORE = READERS | {"cashier", "operator"}
OF_A_MEMBER = READERS | {"member"}
CHANNEL = frozenset({"channel"})
DECIDERS = frozenset({"admin", "finance"})
LOGGED_IN = OF_A_STORE | OF_A_MEMBER | CHANNEL
ANYBODY = LOGGED_IN | {"guest"}

PERIOD = {"from": "2026-01-01", "to": "2100-12-31"}
STORE_PERIOD = {"store_id": "{store_id}", **PERIOD}
CARD = {"card_number": "{card_number}"}
LOGIN = {"username": "{username}", "password": "{password}"}
PERSON = {"name": "Sinia", "address": "Ubud", "identity_number": "5171", "auto_save_consent": True}
ENTRY = {"key": "{new_id}", "type": "topup", "store_id": "{store_id}", **CARD, "amount": 1}
STORE = {"store_id": "{new_id}", "name": "Toko", "address": "Ubud"}
STAFF = {"name": "Kadek", "store_id": "{store_id}", "password": "{new_id}"}


@dataclass(frozen=True, slots=True)
class Call:
    """One call; `{names}` in path, body and query stand for what the test's people have."""

    method: str
    path: str
    roles: frozenset[str]
    status: int = 200
    body: dict[str, Any] | None = None
    query: dict[str, str] = field(default_factory=dict[str, str])
    keyed: bool = False
    optional: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def name(self) -> str:
        """Return how a test names it."""
        return f"{self.method} {self.path}"


def _made(path: str, roles: frozenset[str], body: dict[str, Any], **optional: object) -> Call:
    return Call("POST", path, roles, 201, body, keyed=True, optional=optional)


def _decided(path: str, **body: str) -> Call:
    """Return a call on what is not there: a real one would work only once."""
    return Call("POST", path, DECIDERS, 404, body or None, keyed=True)


CALLS = (
    Call("POST", "/auth/token", ANYBODY, 200, LOGIN),
    Call("POST", "/auth/refresh", ANYBODY, 401, {"refresh_token": "{new_id}"}),
    Call("POST", "/auth/logout", ANYBODY, 204, {"refresh_token": "{new_id}"}),
    Call(
        "POST",
        "/auth/password",
        LOGGED_IN,
        401,
        {"current_password": "{new_id}", "new_password": "{new_id}"},
    ),
    _made("/members", frozenset({"admin", "guest"}), PERSON, email="sinia@kampus.id"),
    Call("GET", "/members", ADMIN),
    Call("GET", "/members/{member_id}", frozenset({"admin", "member"})),
    Call("PATCH", "/members/{member_id}", frozenset({"admin", "member"}), 200, {"name": "Rani"}),
    _made("/cashiers", ADMIN, {"cashier_id": "{new_id}", **STAFF}),
    Call("GET", "/cashiers", ADMIN),
    Call("GET", "/cashiers/{cashier_id}", ADMIN),
    Call("PATCH", "/cashiers/{cashier_id}", ADMIN, 200, {"name": "Wayan"}),
    _made("/operators", ADMIN, {"username": "{new_id}", **STAFF}, email="putu@kampus.id"),
    Call("GET", "/operators", ADMIN),
    Call("GET", "/operators/{operator}", ADMIN),
    Call("PATCH", "/operators/{operator}", ADMIN, 200, {"name": "Wayan"}),
    Call("GET", "/cards/{card_number}/barcode.svg", frozenset({"admin", "cashier", "member"})),
    Call("GET", "/cards/{card_number}/barcode.png", frozenset({"admin", "cashier", "member"})),
    _made("/stores", ADMIN, STORE, kind="store"),
    Call("GET", "/stores", ANYBODY),
    Call("GET", "/stores/{store_id}", ANYBODY),
    Call("PATCH", "/stores/{store_id}", ADMIN, 200, {"name": "Warung"}),
    Call("GET", "/stores/{store_id}/transactions", OF_A_STORE),
    _made(
        "/pos/change",
        frozenset({"cashier"}),
        {**CARD, "sale_total": 100, "tendered": 100},
        save=True,
    ),
    _made("/pos/topups", frozenset({"cashier"}), {**CARD, "amount": 1}),
    _made("/pos/redemptions", frozenset({"cashier"}), {**CARD, "amount": 1}, pin="123456"),
    _made("/pos/cashouts", frozenset({"cashier"}), {**CARD, "amount": 1}, pin="123456"),
    Call("POST", "/ledger/batch", CHANNEL, 200, {"entries": [ENTRY]}, optional={"atomic": True}),
    Call("GET", "/ledger/reversals", READERS),
    _decided("/ledger/reversals", event_id="{unknown_id}", reason="keyed in twice"),
    _decided("/ledger/reversals/{reversal_id}/approve"),
    _decided("/ledger/reversals/{reversal_id}/reject"),
    Call("GET", "/wallets/{member_id}", OF_A_MEMBER),
    Call("GET", "/wallets/{member_id}/transactions", OF_A_MEMBER),
    Call(
        "GET",
        "/reports/member-transactions",
        OF_A_MEMBER,
        query={"member_id": "{member_id}", **PERIOD},
    ),
    Call("GET", "/reports/receivables", OF_A_STORE, query=STORE_PERIOD),
    Call("GET", "/reports/liabilities", OF_A_STORE, query=STORE_PERIOD),
    Call("GET", "/settlement/positions", READERS),
    Call("GET", "/ledger/checkpoints", ANYBODY),
    Call("GET", "/ledger/checkpoints/{n}", ANYBODY),
    Call("GET", "/ledger/checkpoints/{n}/consistency", ANYBODY, query={"from": "1"}),
    Call("GET", "/ledger/keys", ANYBODY),
    Call("GET", "/ledger/events/{event_id}", OF_A_MEMBER),
    Call("GET", "/ledger/events/{event_id}/proof", OF_A_MEMBER),
    Call("GET", "/ledger/events/{event_id}/receipt", OF_A_MEMBER),
)
"""All of them; tests/e2e compares the table with /openapi.json."""

ROLES = ("admin", "finance", "auditor", "operator", "cashier", "member", "channel", "guest")

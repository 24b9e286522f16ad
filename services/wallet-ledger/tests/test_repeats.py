"""A repeat gets the first answer byte for byte, whatever has changed since; calls over HTTP."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any, cast

import httpx
import pytest

from kembalian.testing.signed import History
from wallet_ledger import api_batch, api_payments, api_reversals, api_till
from wallet_ledger.batches import Batches
from wallet_ledger.config import PARTITIONS, Settings
from wallet_ledger.directory import Directory
from wallet_ledger.handlers import Ledger
from wallet_ledger.recorded import Records
from wallet_ledger.testing.lanes import owned, writing
from wallet_ledger.till_commands import Limits
from web.app import create_app
from web.testing import SigningIdentity

MEMBER = "01990000-0000-7000-8000-000000000001"
NOBODY = "01990000-0000-7000-8000-000000000002"
CARD = "1000"
EMPTY = tuple(
    f"TRUNCATE view.{table}" for table in ("wallet", "payment", "reversal", "member", "store")
)
VIEWS = (
    *EMPTY,
    "INSERT INTO view.store VALUES ('kantin', 'active'), ('koperasi', 'active')",
    "INSERT INTO view.member VALUES ('01990000-0000-7000-8000-000000000001', '1000', true)",
)


class Owners:
    """Identity and catalog, which know nobody but those named; `asked` says what they were."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.cards: dict[str, str] = {}
        self.stores: dict[str, str] = {}

    async def get(self, path: str) -> httpx.Response:
        self.asked.append(path)
        if path != "/internal/stores":
            return httpx.Response(404, json={})
        return _items([{"store_id": s, "state": state} for s, state in self.stores.items()])

    async def post(self, path: str, body: dict[str, list[str]]) -> httpx.Response:
        self.asked.append(path)
        known = [n for n in body["card_numbers"] if n in self.cards]
        assert path == "/internal/cards"
        return _items([_card(number, self.cards[number]) for number in known])


def _items(items: list[dict[str, Any]]) -> httpx.Response:
    return httpx.Response(200, json={"items": items})


def _card(number: str, member_id: str) -> dict[str, Any]:
    return {"card_number": number, "member_id": member_id, "auto_save_consent": True}


@dataclass
class House:
    """The calls on a ledger of its own, and what can change between a request and its repeat."""

    app: Any
    client: httpx.AsyncClient
    identity: SigningIdentity
    history: History
    owners: Owners

    async def post(self, role: str, path: str, body: object, key: str = "") -> httpx.Response:
        """Return the answer to somebody of `role`: a cashier of `kantin`, the ordering service."""
        store_id = "kantin" if role == "cashier" else None
        who = {"sub": "ordering"} if role == "service" else {}
        headers = self.identity.headers(role, store_id=store_id, **who)
        headers |= {"idempotency-key": key} if key else {}
        return await self.client.post(path, json=body, headers=headers)

    async def till(self, call: str, amount: int, key: str, card: str = CARD) -> httpx.Response:
        body = {"card_number": card, "amount": amount}
        return await self.post("cashier", f"/api/v1/pos/{call}", body, key)

    async def batch(self, *entries: dict[str, Any], atomic: bool = False) -> httpx.Response:
        body = {"entries": entries, **({"atomic": True} if atomic else {})}
        return await self.post("channel", "/api/v1/ledger/batch", body)

    def limit(self, pin_above: int) -> None:
        """Start it again with another limit, as far as tills and batches can see."""
        limits = Limits(500, pin_above)
        self.app.state.limits = limits
        state = self.app.state
        state.batches = Batches(state.ledger, state.directory, limits)

    async def suspend(self) -> None:
        await self.history.as_superuser("UPDATE view.store SET state = 'suspended'")


class NoOthers:
    """No other process: nothing is passed on."""

    def handover_ends(self) -> float:
        return 0.0


def entry(key: str, kind: str = "topup", **fields: Any) -> dict[str, Any]:
    given = {"key": key, "type": kind, "store_id": "kantin", "card_number": CARD, "amount": 10}
    return {**given, **fields}


@pytest.fixture
async def house(history: History) -> AsyncGenerator[House]:
    dsn, identity, owners = history.databases.app_dsn, SigningIdentity(), cast("Any", Owners())
    app = create_app(
        "wallet-ledger",
        settings=Settings(database_url=dsn, kafka_bootstrap="127.0.0.1:9"),
        routers=[api_batch.api, api_till.api, api_payments.api, api_reversals.api],
        ready=_ready,
        verifier=identity.verifier(),
    )
    await history.as_superuser(*VIEWS)
    async with (
        writing(dsn, *range(PARTITIONS)) as lanes,
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://own") as client,
    ):
        await owned(lanes)
        app.state.directory = Directory(history.pool, owners, owners)
        app.state.records = Records(history.pool)
        app.state.ledger = Ledger(lanes, cast("Any", NoOthers()))
        made = House(app, client, identity, history, owners)
        made.limit(100_000)
        yield made
    await history.as_superuser(*EMPTY)


async def _ready() -> bool:
    return True


def repeated(first: httpx.Response, again: httpx.Response) -> bool:
    """Tell whether `again` is `first`, said again."""
    assert again.status_code == first.status_code, again.text
    assert again.content == first.content
    return again.headers.get("idempotent-replayed") == "true"


def slug(answer: httpx.Response | dict[str, Any]) -> str:
    said = answer if isinstance(answer, dict) else answer.json()
    return said["type"].removeprefix("/problems/")


async def test_a_tills_repeat_is_not_asked_for_a_pin_that_the_first_did_not_need(
    house: House,
) -> None:
    await house.till("topups", 9_000, "money")
    paid = await house.till("redemptions", 3_000, "pay")
    out = await house.till("cashouts", 2_000, "out")
    assert (paid.status_code, out.status_code) == (201, 201)
    house.limit(1_000)

    assert repeated(paid, await house.till("redemptions", 3_000, "pay"))
    assert repeated(out, await house.till("cashouts", 2_000, "out"))

    other = await house.till("redemptions", 3_001, "pay")
    assert (other.status_code, slug(other)) == (422, "idempotency-key-reused")
    new = await house.till("redemptions", 3_000, "new")
    assert (new.status_code, slug(new)) == (403, "pin-required")
    house.limit(100_000)
    assert (await house.till("redemptions", 3_000, "new")).status_code == 201  # 403 is not kept


async def test_a_repeat_is_answered_though_the_store_was_suspended_since(house: House) -> None:
    till = await house.till("topups", 900, "till")
    path = f"/internal/wallets/{MEMBER}/holds"
    part = {"store_id": "kantin", "amount": 5}
    order = {"payment_id": "p", "order_id": "o", "parts": [part], "expires_in": 60}
    hold = await house.post("service", path, order, "hold")
    each = await house.batch(entry("one"), entry("two", "redemption", store_id="koperasi"))
    atomic = await house.batch(entry("three"), entry("four"), atomic=True)
    assert [a.status_code for a in (till, hold, each, atomic)] == [201, 201, 200, 200]
    assert [o["status"] for o in each.json()["outcomes"]] == [201, 201]
    await house.suspend()

    assert repeated(till, await house.till("topups", 900, "till"))
    assert repeated(hold, await house.post("service", path, order, "hold"))
    repeated(each, await house.batch(entry("one"), entry("two", "redemption", store_id="koperasi")))
    repeated(atomic, await house.batch(entry("three"), entry("four"), atomic=True))

    later = await house.till("topups", 900, "later")
    assert (later.status_code, slug(later)) == (403, "store-not-authorised")
    order["payment_id"] = "q"
    refused = await house.post("service", path, order, "later")
    assert (refused.status_code, slug(refused)) == (403, "store-not-authorised")
    new = (await house.batch(entry("later"))).json()["outcomes"]
    assert [(o["status"], slug(o["body"])) for o in new] == [(403, "store-not-authorised")]


async def test_a_repeat_is_answered_though_nobody_knows_the_card_any_more(house: House) -> None:
    first = await house.till("topups", 900, "till")
    await house.history.as_superuser("UPDATE view.member SET card_number = '2000'")

    assert repeated(first, await house.till("topups", 900, "till"))
    house.limit(1)
    unknown = await house.till("redemptions", 2, "unknown")
    assert (unknown.status_code, slug(unknown)) == (403, "pin-required")


async def test_a_hold_for_nobody_is_refused_for_ever(house: House) -> None:
    path = f"/internal/wallets/{NOBODY}/holds"
    part = {"store_id": "kantin", "amount": 5}
    order = {"payment_id": "p", "order_id": "o", "parts": [part], "expires_in": 60}

    first = await house.post("service", path, order, "hold")

    assert (first.status_code, slug(first)) == (404, "not-found")
    assert repeated(first, await house.post("service", path, order, "hold"))
    other = await house.post("service", path, {**order, "expires_in": 61}, "hold")
    assert (other.status_code, slug(other)) == (422, "idempotency-key-reused")


POOR = entry("poor", "redemption", amount=1_000)
ODD = (
    (entry("odd", store_id="nosuch"), 403),
    (entry("odd", "redemption", amount=100_001), 403),
    (entry("odd", card_number="9999"), 404),
    (
        {
            "key": "odd",
            "type": "change",
            "store_id": "kantin",
            "card_number": CARD,
            "sale_total": 2,
            "tendered": 1,
        },
        422,
    ),
)


@pytest.mark.parametrize(("odd", "status"), ODD)
async def test_an_atomic_batch_names_its_first_refusal_whatever_kinds_there_are(
    house: House, odd: dict[str, Any], status: int
) -> None:
    for first, second, expected in ((POOR, odd, 409), (odd, POOR, status)):
        answer = await house.batch(entry("good"), first, second, atomic=True)

        said = answer.json()
        assert (answer.status_code, said["index"], said["key"]) == (409, 1, first["key"])
        assert said["entry_status"] == expected
    assert (await house.batch(entry("good"), atomic=True)).status_code == 200  # under an unused key


@pytest.mark.parametrize("atomic", [False, True])
async def test_a_batch_asks_the_owners_once_however_much_is_unknown(
    house: House, *, atomic: bool
) -> None:
    house.owners.cards["1500"], house.owners.stores["baru"] = NOBODY, "active"
    entries = [entry(f"k{n}", card_number=f"{1_001 + n}", store_id=f"s{n}") for n in range(998)]
    entries += [entry("new card", card_number="1500"), entry("new store", store_id="baru")]

    answer = await house.batch(*entries, atomic=atomic)

    assert sorted(house.owners.asked) == ["/internal/cards", "/internal/stores"]
    if atomic:
        assert (answer.status_code, answer.json()["index"]) == (409, 0)
    else:
        statuses = [outcome["status"] for outcome in answer.json()["outcomes"]]
        assert statuses == [403] * 998 + [201, 201]


async def test_a_refusal_to_reverse_is_kept_also_where_nothing_can_be_reversed(
    house: House,
) -> None:
    await house.till("topups", 900, "money")
    part = {"store_id": "kantin", "amount": 5}
    order = {"payment_id": "p", "order_id": "o", "parts": [part], "expires_in": 60}
    path = f"/internal/wallets/{MEMBER}/holds"
    held = (await house.post("service", path, order, "hold")).json()["event_id"]
    asking = "/api/v1/ledger/reversals"
    nothing = f"{asking}/{NOBODY}"

    for call, body, slugs in (
        (asking, {"event_id": held, "reason": "r"}, (409, "wrong-state")),
        (asking, {"event_id": NOBODY, "reason": "r"}, (404, "not-found")),
        (f"{nothing}/approve", None, (404, "not-found")),
        (f"{nothing}/reject", None, (404, "not-found")),
    ):
        key = f"{call}{slugs}"
        first = await house.post("finance", call, body, key)
        assert (first.status_code, slug(first)) == slugs
        assert repeated(first, await house.post("finance", call, body, key))
        other = await house.post("finance", asking, {"event_id": held, "reason": "other"}, key)
        assert (other.status_code, slug(other)) == (422, "idempotency-key-reused")

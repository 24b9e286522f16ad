"""Who may set a member's money aside, debit it and bring it back: the service that takes orders."""

from collections.abc import AsyncGenerator

import httpx
import pytest

from kembalian.launcher.services import CLIENTS, COMMAND_CLIENT
from wallet_ledger import api_payments
from wallet_ledger.config import Settings
from web.app import create_app
from web.testing import SigningIdentity

HOLDS = "/internal/wallets/01990000-0000-7000-8000-000000000001/holds"
CALLS = {
    "place": ("POST", HOLDS),
    "confirm": ("POST", f"{HOLDS}/p/confirm"),
    "release": ("POST", f"{HOLDS}/p/release"),
    "refund": ("POST", f"{HOLDS}/p/refund"),
    "look": ("GET", f"{HOLDS}/p"),
}
OTHERS = sorted({*CLIENTS, "wallet-ledger-2", "ordering-2", "Ordering"} - {COMMAND_CLIENT})


class NoRecords:
    """A ledger that has no payment."""

    async def payment(self, *_: str) -> None:
        """Return none."""


@pytest.fixture
def identity() -> SigningIdentity:
    return SigningIdentity()


@pytest.fixture
async def client(identity: SigningIdentity) -> AsyncGenerator[httpx.AsyncClient]:
    async def ready() -> bool:
        return True

    app = create_app(
        "wallet-ledger",
        settings=Settings(database_url="postgresql://127.0.0.1:9/none", kafka_bootstrap="none:9"),
        routers=[api_payments.api],
        ready=ready,
        verifier=identity.verifier(),
    )
    app.state.records = NoRecords()
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://own") as client:
        yield client


async def status(client: httpx.AsyncClient, call: str, headers: dict[str, str]) -> int:
    """Ask without a key or a body: whoever may ask is told so, 400 or 422."""
    method, path = CALLS[call]
    return (await client.request(method, path, headers=headers)).status_code


@pytest.mark.parametrize("call", CALLS)
async def test_no_other_service_and_no_person_moves_money_for_an_order(
    client: httpx.AsyncClient, identity: SigningIdentity, call: str
) -> None:
    for other in OTHERS:
        assert await status(client, call, identity.headers("service", sub=other)) == 403, other
    for role in ("admin", "cashier", "channel", "member"):  # a member may be called anything
        assert await status(client, call, identity.headers(role, sub="ordering")) == 403, role


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("who", ["ordering", COMMAND_CLIENT])
async def test_the_service_that_takes_orders_and_the_operators_may(
    client: httpx.AsyncClient, identity: SigningIdentity, call: str, who: str
) -> None:
    found = await status(client, call, identity.headers("service", sub=who))

    assert found == 404 if call == "look" else found in (400, 422)

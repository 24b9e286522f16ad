"""Cards, consent and stores as the topics of identity and catalog tell them, on real PostgreSQL."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
import pytest

from events.contracts import PublicEvent, catalog, identity, name_of, wallet
from events.envelope import Opened
from events.received import Received
from kembalian.testing.databases import MakeDatabase
from wallet_ledger.config import MIGRATIONS
from wallet_ledger.projections import UnexpectedEvent, project

MEMBER = identity.MemberRegistered(member_id="m1", card_number="1000", auto_save_consent=True)
STORE = catalog.StoreRegistered(
    store_id="kantin", name="Kantin", address="Gedung A", kind="store", state="active"
)


@pytest.fixture
async def connection(make_database: MakeDatabase) -> AsyncGenerator[asyncpg.Connection]:
    connection = await asyncpg.connect(make_database("wallet-ledger", MIGRATIONS).app_dsn)
    yield connection
    await connection.close()


def received(data: PublicEvent, position: int) -> Received:
    envelope = Opened(str(uuid4()), name_of(data), "s", position, "", data)
    return Received("t", 0, position, datetime.now(UTC), envelope)


async def test_members_consent_and_stores(connection: asyncpg.Connection) -> None:
    facts = [
        MEMBER,
        STORE,
        identity.MemberConsentChanged(member_id="m1", auto_save_consent=False),
        identity.CashierRegistered(cashier_id="kasir-1", store_id="kantin"),
        catalog.StoreChanged(store_id="kantin", name="Kantin Baru", address="Gedung B"),
    ]

    await project(connection, [received(fact, n + 1) for n, fact in enumerate(facts)])

    assert [tuple(r) for r in await connection.fetch("SELECT * FROM view.member")] == [
        ("m1", "1000", False)
    ]
    assert [tuple(r) for r in await connection.fetch("SELECT * FROM view.store")] == [
        ("kantin", "active")
    ]


async def test_an_event_that_does_not_belong_here_is_never_skipped(
    connection: asyncpg.Connection,
) -> None:
    stranger = wallet.SaleRecorded(
        wallet_id="w",
        card_number="1000",
        store_id="kantin",
        cashier_id="kasir-1",
        balance=0,
        postings=(),
        sale_total=1,
        tendered=1,
        cash_returned=0,
    )

    with pytest.raises(UnexpectedEvent, match="SaleRecorded"):
        await project(connection, [received(stranger, 1)])


async def test_a_card_can_be_only_one_members(connection: asyncpg.Connection) -> None:
    other = identity.MemberRegistered(member_id="m2", card_number="1000", auto_save_consent=True)

    with pytest.raises(asyncpg.UniqueViolationError):
        await project(connection, [received(MEMBER, 1), received(other, 2)])

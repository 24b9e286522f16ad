"""What lanes say they committed is what the log holds, byte for byte: the relay sends it unread."""

import asyncio
from datetime import UTC, datetime

import asyncpg

from events import log
from events.envelope import Cause
from events.fresh import Fresh
from events.log import Connection, partition_of
from events.sending import headers
from kembalian.grounds.databases import Databases
from wallet_ledger.atomic import write_all_or_none
from wallet_ledger.config import PARTITIONS
from wallet_ledger.domain import Command, Redeem, Till, TopUpWithCash
from wallet_ledger.group import Order
from wallet_ledger.testing.lanes import owned, writing

KANTIN = Till("1000", "kantin", "kasir-1")
WALLETS = [
    next(f"w{n}" for n in range(500) if partition_of(f"w{n}", PARTITIONS) == partition)
    for partition in range(PARTITIONS)
]

COMMITS = "SELECT count(DISTINCT xmin::text) FROM log.link WHERE partition < 1000"
LINKS = "SELECT count(*) FROM log.link WHERE partition < 1000"


def order(key: str, partition: int, command: Command) -> Order:
    return Order("cashier:kasir-1", key, b"body", WALLETS[partition], command, Cause("test"))


async def is_what_the_log_holds(memory: Fresh, connection: Connection) -> int:
    """Compare all partitions; return how many events there are."""
    events = 0
    for partition in range(PARTITIONS):
        recorded = await log.read(connection, partition, 0)
        remembered = memory.after(partition, 0, 1_000)
        assert [(*e[:5], str(e.event_id), *e[6:]) for e in remembered] == [
            (*e[:5], str(e.event_id), *e[6:]) for e in recorded
        ]
        assert [headers(event) for event in remembered] == [headers(event) for event in recorded]
        events += len(recorded)
    return events


async def test_alone_together_and_in_one_transaction_it_says_what_the_log_holds(
    ledger: Databases, admin: asyncpg.Connection
) -> None:
    memory = Fresh()
    for partition in range(PARTITIONS):
        memory.listen(partition)
    everywhere = range(PARTITIONS)
    async with writing(ledger.app_dsn, *everywhere, publish=memory.add) as lanes:
        await owned(lanes)
        await lanes[0].submit(order("alone", 0, TopUpWithCash(KANTIN, 900)))
        for time in range(5):
            three = [order(f"t-{time}-{n}", n, TopUpWithCash(KANTIN, 500)) for n in (0, 1, 2)]
            await asyncio.gather(*(lanes[n].submit(each) for n, each in enumerate(three)))
        assert await admin.fetchval(COMMITS) < await admin.fetchval(LINKS)  # some went together
        refused = await lanes[0].submit(order("too much", 0, Redeem(KANTIN, 10_000)))
        assert refused.status == 409
        orders = [order(f"all-{n}", n, Redeem(KANTIN, 200)) for n in (0, 1, 2)]
        answers = await write_all_or_none(lanes, orders, datetime.now(UTC))
        assert [answer.status for answer in answers] == [201, 201, 201]
        await lanes[1].submit(order("again", 1, TopUpWithCash(KANTIN, 1)))

    assert await is_what_the_log_holds(memory, admin) == 20

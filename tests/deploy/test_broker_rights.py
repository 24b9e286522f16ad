"""Who may do what on the broker of deploy/: every principal tries everything on every topic."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack

import pytest

from kembalian.setup.access import ACCESS, TOPICS, rights
from kembalian.testing.broker_door import (
    DONE,
    NOT_THE_CLUSTER,
    NOT_THE_TOPIC,
    BrokerDoor,
    broker_door,
)
from kembalian.testing.deployment import Deployment
from settlement.consumer import TOPICS as SETTLEMENT_READS
from wallet_ledger.app import CONSUMED as WALLET_LEDGER_READS

WALLET = "kembalian.wallet.v1"

# Once more, apart from the table in kembalian.setup.access: w writes and reads, r only reads.
#                    identity, catalog, wallet, checkpoints, settlement
MAY = {
    "identity": "w....",
    "catalog": ".w...",
    "wallet-ledger": "rrww.",
    "settlement": ".rr.w",
    "operator": "rrrrr",
}
NAMES = [
    "kembalian.identity.v1",
    "kembalian.catalog.v1",
    WALLET,
    "kembalian.checkpoints.v1",
    "kembalian.settlement.v1",
]

Doors = dict[str, BrokerDoor]


@pytest.fixture(scope="module")
async def doors(deployment: Deployment) -> AsyncGenerator[Doors]:
    """A connection under each principal that a container has."""
    async with AsyncExitStack() as stack:
        yield {
            principal: await stack.enter_async_context(broker_door(deployment.kafka(principal)))
            for principal in MAY
        }


def test_the_table_names_every_principal_and_every_topic() -> None:
    assert set(ACCESS) == set(MAY)
    assert [topic.name for topic in TOPICS] == NAMES


def test_a_service_may_read_what_it_consumes_and_nothing_else() -> None:
    assert set(ACCESS["settlement"].reads) == set(SETTLEMENT_READS)
    assert set(ACCESS["wallet-ledger"].reads) == set(WALLET_LEDGER_READS)
    assert not any(ACCESS[name].reads for name in ("identity", "catalog"))


def test_every_topic_has_one_writer() -> None:
    writers = [right.topic for right in rights() if right.operation == "WRITE"]

    assert sorted(writers) == sorted(NAMES)


@pytest.mark.parametrize("principal", [name for name in MAY if name != "wallet-ledger"])
async def test_only_the_ledger_writes_what_the_ledger_says(doors: Doors, principal: str) -> None:
    assert await doors[principal].write(WALLET) == NOT_THE_TOPIC
    assert await doors[principal].write("kembalian.checkpoints.v1") == NOT_THE_TOPIC


async def test_a_topic_is_read_by_whom_the_table_names_and_written_by_nobody_else(
    doors: Doors,
) -> None:
    for principal, marks in MAY.items():
        for topic, mark in zip(NAMES, marks, strict=True):
            read = await doors[principal].read(topic)
            assert read == (NOT_THE_TOPIC if mark == "." else DONE), (principal, topic)
            if mark != "w":  # that owners do write is shown by their relays
                assert await doors[principal].write(topic) == NOT_THE_TOPIC, (principal, topic)


@pytest.mark.parametrize("principal", MAY)
async def test_nobody_deletes_cuts_or_changes_a_topic_not_even_its_owner(
    doors: Doors, principal: str
) -> None:
    door = doors[principal]

    for topic in NAMES:
        assert await door.delete(topic) == NOT_THE_TOPIC
        assert await door.cut(topic) == NOT_THE_TOPIC
        assert await door.widen(topic) == NOT_THE_TOPIC
        assert await door.make_forgetful(topic) == NOT_THE_TOPIC
    assert await door.create("kembalian.mine.v1") == NOT_THE_TOPIC


@pytest.mark.parametrize("principal", MAY)
async def test_nobody_gives_himself_a_right(doors: Doors, principal: str) -> None:
    assert await doors[principal].grant_itself(WALLET) == NOT_THE_CLUSTER

"""The topics of the house: names, partition counts, and how their owner makes and checks them."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, LeaderNotAvailableError

from events.background import settle
from events.broker import Kafka
from events.client import start

__all__ = [
    "CATALOG",
    "CHECKPOINTS",
    "IDENTITY",
    "SETTLEMENT",
    "WALLET",
    "Kafka",
    "Topic",
    "TopicMismatch",
    "administrator",
    "ensure",
    "ensured",
    "make_anew",
]

CLIENT_TIMEOUT_SECONDS = 15.0
SEEN_SECONDS = 0.2
SEEN_TRIES = 10


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic and the number of partitions that it has in common with its owner's log.

    Kafka's partition n is partition `first_partition` + n of the log.
    """

    name: str
    partitions: int
    first_partition: int = 0

    @property
    def log_partitions(self) -> range:
        """Return the partitions of the owner's log that this topic holds."""
        return range(self.first_partition, self.first_partition + self.partitions)


IDENTITY = Topic("kembalian.identity.v1", 1)
CATALOG = Topic("kembalian.catalog.v1", 1)
WALLET = Topic("kembalian.wallet.v1", 8)
SETTLEMENT = Topic("kembalian.settlement.v1", 1)

BESIDE = 1_000
"""A service's further logs live in its tables from this partition on: no place names them."""

CHECKPOINTS = Topic("kembalian.checkpoints.v1", 1, first_partition=BESIDE)
"""What wallet-ledger signs of its own log; in the same tables, but in no `ledger_position`."""

RETENTION = {"retention.ms": "-1", "retention.bytes": "-1", "cleanup.policy": "delete"}

MADE = 0
MADE_BY_ANOTHER = 36
UNKNOWN = 3
NOT_OURS = {29, 31}
"""The broker's authorizer says no: for a topic, for the cluster."""


class TopicMismatch(Exception):
    """A topic is not as its log needs it; the service refuses to run."""


async def ensure(kafka: Kafka, topic: Topic) -> bool:
    """Make `topic` if it is missing; return whether it was made (anew) now. As `ensured`."""
    async with asyncio.timeout(CLIENT_TIMEOUT_SECONDS), administrator(kafka) as admin:
        return await ensured(admin, kafka, topic)


async def ensured(
    admin: AIOKafkaAdminClient, kafka: Kafka, topic: Topic, *, retention: bool = True
) -> bool:
    """Make `topic` if it is missing; return whether it was made (anew) now.

    Raises TopicMismatch if its partitions or (if that is to be looked at) its retention are wrong,
    or if it is missing and we may not make it; except on the embedded broker, where any client's
    question for a missing topic makes it with 4 partitions: there the owner deletes it and makes it
    anew. Raises KafkaError or TimeoutError while there is no broker.
    """
    found = await _listed(admin, topic)
    if found is None and await _create(admin, topic, kafka.replication):
        return True
    if found is None:
        found = await _partitions(admin, topic)
    if found != topic.partitions and kafka.embedded:
        return await make_anew(admin, kafka, topic)
    if found != topic.partitions:
        raise TopicMismatch(f"{topic.name}: {found} partitions, not {topic.partitions}")
    if retention and not kafka.embedded:
        await _check_retention(admin, topic)
    return False


@asynccontextmanager
async def administrator(kafka: Kafka) -> AsyncGenerator[AIOKafkaAdminClient]:
    """Give a client that can make, describe and delete topics."""
    admin = AIOKafkaAdminClient(**kafka.connection(), request_timeout_ms=5_000)
    try:
        async with asyncio.timeout(CLIENT_TIMEOUT_SECONDS):
            await start(admin)
        yield admin
    finally:
        await settle(admin.close(), CLIENT_TIMEOUT_SECONDS)


async def _listed(admin: AIOKafkaAdminClient, topic: Topic) -> int | None:
    """Return how many partitions a topic has, None if it is not there. Raises as `_partitions`.

    Asked for all topics, never for this one: asking for one makes it on embedded ground.
    """
    everything: list[dict[str, Any]] = await admin.describe_topics()
    for described in everything:
        if described["topic"] == topic.name:
            whole = not described["error_code"]
            return len(described["partitions"]) if whole else await _partitions(admin, topic)
    return None


async def _partitions(admin: AIOKafkaAdminClient, topic: Topic) -> int:
    """Return how many partitions a topic has. Raises LeaderNotAvailableError.

    A broker that is told of a new topic a little later than its controller is asked again.
    """
    for _ in range(SEEN_TRIES):
        described: dict[str, Any] = (await admin.describe_topics([topic.name]))[0]
        if not described["error_code"]:
            return len(described["partitions"])
        if described["error_code"] != UNKNOWN:
            break
        await asyncio.sleep(SEEN_SECONDS)
    raise LeaderNotAvailableError(f"{topic.name} is being made or deleted")


@contextmanager
def _by_the_controller() -> Generator[None]:
    """Ask the cluster's controller for something. Raises LeaderNotAvailableError."""
    try:
        yield
    except AttributeError as error:  # aiokafka, while the cluster has no controller yet
        raise LeaderNotAvailableError(str(error)) from error


async def make_anew(admin: AIOKafkaAdminClient, kafka: Kafka, topic: Topic) -> bool:
    """Delete `topic` and make it again, empty; return whether we made it."""
    with _by_the_controller():
        response: Any = await admin.delete_topics([topic.name])
    for _, code in response.topic_error_codes:
        if code not in {MADE, UNKNOWN}:
            raise KafkaError(f"{topic.name} could not be deleted: error {code}")
    return await _create(admin, topic, kafka.replication)


async def _create(admin: AIOKafkaAdminClient, topic: Topic, replication: int) -> bool:
    """Make the topic; False if another process of this service was faster.

    Raises TopicMismatch where the broker lets us make none, KafkaError.
    """
    wanted = NewTopic(topic.name, topic.partitions, replication, topic_configs=RETENTION)
    with _by_the_controller():
        response: Any = await admin.create_topics([wanted])
    code = int(response.topic_errors[0][1])
    if code in NOT_OURS:
        raise TopicMismatch(
            f"{topic.name} is not there, or not for us to see, and the broker does not let us make "
            "it: `kembalian setup` makes topics and rights"
        )
    if code not in {MADE, MADE_BY_ANOTHER}:
        raise KafkaError(f"{topic.name} could not be made: error {code}")
    return code == MADE


async def _check_retention(admin: AIOKafkaAdminClient, topic: Topic) -> None:
    resource = ConfigResource(
        ConfigResourceType.TOPIC, topic.name, configs=dict.fromkeys(RETENTION, "")
    )
    for response in await admin.describe_configs([resource]):
        code = int(response.resources[0][0])
        if code in NOT_OURS:
            raise TopicMismatch(f"{topic.name}: we may not see its retention: `kembalian setup`")
        if code != MADE:
            raise KafkaError(f"{topic.name}: its retention is not said: error {code}")
        for name, value, *_ in response.resources[0][4]:
            if value != RETENTION.get(name, value):
                raise TopicMismatch(f"{topic.name}: {name} is {value}, not {RETENTION[name]}")

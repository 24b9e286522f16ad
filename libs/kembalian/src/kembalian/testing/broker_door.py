"""The broker's requests as anybody could write them: sent without asking what one may see."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka.client import AIOKafkaClient
from aiokafka.protocol import admin
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from events.broker import Kafka

NODE: Final = 1  # node.id of deploy/kafka/server.properties
TIMEOUT_MS: Final = 10_000

DONE: Final = 0
NOT_THE_TOPIC: Final = 29
NOT_THE_CLUSTER: Final = 31

TOPIC: Final = 2  # as a resource of rights and of settings
LITERAL: Final = 3
ALL: Final = 2
ALLOW: Final = 3


class BrokerDoor:
    """One connection under one principal; each method returns the broker's error code, 0 = done."""

    def __init__(self, client: AIOKafkaClient, principal: str) -> None:
        self._client = client
        self._principal = principal

    async def write(self, topic: str) -> int:
        """Write one record to partition 0."""
        batch = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 10_000)
        batch.append(0, 1, b"key", b"forged", [])
        answer = await self._ask(
            ProduceRequest(None, -1, TIMEOUT_MS, [(topic, [(0, bytes(batch.build()))])])
        )
        return answer.topics[0][1][0][1]

    async def read(self, topic: str) -> int:
        """Read partition 0 from its beginning."""
        answer = await self._ask(FetchRequest(100, 1, 100_000, 0, [(topic, [(0, 0, 100_000)])]))
        return answer.topics[0][1][0][1]

    async def create(self, topic: str) -> int:
        """Make a topic."""
        request = admin.CreateTopicsRequest([(topic, 1, 1, [], [])], TIMEOUT_MS, False)
        return (await self._ask(request)).topic_errors[0][1]

    async def delete(self, topic: str) -> int:
        """Delete a topic."""
        answer = await self._ask(admin.DeleteTopicsRequest([topic], TIMEOUT_MS))
        return answer.topic_error_codes[0][1]

    async def widen(self, topic: str) -> int:
        """Give a topic more partitions than its log has."""
        request = admin.CreatePartitionsRequest([(topic, (99, None))], TIMEOUT_MS, False)
        return (await self._ask(request)).topic_errors[0][1]

    async def make_forgetful(self, topic: str) -> int:
        """Have a topic drop what is older than a millisecond."""
        change = (TOPIC, topic, [("retention.ms", "1")])
        answer = await self._ask(admin.AlterConfigsRequest([change], False))
        return answer.resources[0][0]

    async def cut(self, topic: str) -> int:
        """Delete all records of partition 0."""
        answer = await self._ask(admin.DeleteRecordsRequest([(topic, [(0, -1)])], TIMEOUT_MS))
        return answer.topics[0][1][0][2]

    async def grant_itself(self, topic: str) -> int:
        """Give this very principal every right to a topic."""
        who = f"User:{self._principal}"
        answer = await self._ask(
            admin.CreateAclsRequest(TOPIC, topic, LITERAL, who, "*", ALL, ALLOW)
        )
        return answer.creation_responses[0][0]

    async def _ask(self, request: object) -> Any:
        return await self._client.send(NODE, request)


@asynccontextmanager
async def broker_door(kafka: Kafka) -> AsyncGenerator[BrokerDoor]:
    """Connect as the principal of `kafka`. Raises KafkaError where the broker lets nobody in."""
    client = AIOKafkaClient(**kafka.connection())
    try:
        await client.bootstrap()
        yield BrokerDoor(client, kafka.login.username if kafka.login else "ANONYMOUS")
    finally:
        await client.close()

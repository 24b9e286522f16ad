from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka.admin.config_resource import ConfigResource

class NewTopic:
    def __init__(
        self,
        name: str,
        num_partitions: int,
        replication_factor: int,
        replica_assignments: Mapping[int, Sequence[int]] | None = None,
        topic_configs: Mapping[str, str] | None = None,
    ) -> None: ...

class AIOKafkaAdminClient:
    def __init__(
        self,
        *,
        bootstrap_servers: str | list[str] = ...,
        client_id: str = ...,
        request_timeout_ms: int = ...,
        retry_backoff_ms: int = ...,
        metadata_max_age_ms: int = ...,
    ) -> None: ...
    async def start(self) -> None: ...
    async def close(self) -> None: ...
    async def list_topics(self) -> list[str]: ...
    async def create_topics(
        self, new_topics: Sequence[NewTopic], timeout_ms: int | None = None
    ) -> Any: ...
    async def delete_topics(self, topics: Sequence[str], timeout_ms: int | None = None) -> Any: ...
    async def describe_topics(
        self, topics: Sequence[str] | None = None
    ) -> list[dict[str, Any]]: ...
    async def describe_cluster(self) -> dict[str, Any]: ...
    async def describe_configs(self, config_resources: Sequence[ConfigResource]) -> list[Any]: ...
    async def alter_configs(self, config_resources: Sequence[ConfigResource]) -> list[Any]: ...

class CreateTopicsRequest:
    def __init__(
        self,
        create_topic_requests: list[tuple[str, int, int, list[object], list[object]]],
        timeout: int,
        validate_only: bool,
    ) -> None: ...

class DeleteTopicsRequest:
    def __init__(self, topics: list[str], timeout: int) -> None: ...

class CreatePartitionsRequest:
    def __init__(
        self,
        topic_partitions: list[tuple[str, tuple[int, None]]],
        timeout: int,
        validate_only: bool,
    ) -> None: ...

class AlterConfigsRequest:
    def __init__(
        self, resources: list[tuple[int, str, list[tuple[str, str]]]], validate_only: bool
    ) -> None: ...

class DeleteRecordsRequest:
    def __init__(
        self, topics: list[tuple[str, list[tuple[int, int]]]], timeout_ms: int
    ) -> None: ...

class CreateAclsRequest:
    def __init__(
        self,
        resource_type: int,
        resource_name: str,
        resource_pattern_type_filter: int,
        principal: str,
        host: str,
        operation: int,
        permission_type: int,
    ) -> None: ...

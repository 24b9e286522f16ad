class DefaultRecordBatchBuilder:
    def __init__(
        self,
        magic: int,
        compression_type: int,
        is_transactional: int,
        producer_id: int,
        producer_epoch: int,
        base_sequence: int,
        batch_size: int,
    ) -> None: ...
    def append(
        self, offset: int, timestamp: int, key: bytes, value: bytes, headers: list[object]
    ) -> object: ...
    def build(self) -> bytearray: ...

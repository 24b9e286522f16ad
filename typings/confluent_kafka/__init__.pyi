"""What this house uses of confluent-kafka, with the types that its own annotations leave out."""

class KafkaError:
    def code(self) -> int: ...
    def retriable(self) -> bool: ...

class KafkaException(Exception):
    args: tuple[KafkaError]

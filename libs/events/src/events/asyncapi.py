"""The AsyncAPI 3 document of the house: which service sends what to which topic, and who reads."""

from typing import Any

from events.contracts import CONTRACTS
from events.envelope import CONTENT_TYPE
from events.topics import (
    CATALOG,
    CHECKPOINTS,
    IDENTITY,
    RETENTION,
    SETTLEMENT,
    WALLET,
    Topic,
)

OWNERS = {
    "identity": IDENTITY,
    "catalog": CATALOG,
    "wallet-ledger": WALLET,
    "settlement": SETTLEMENT,
}
"""service -> the topic that it alone writes"""

BESIDE = {"wallet-ledger": CHECKPOINTS}
"""service -> the second topic that it alone writes"""

READERS = {"wallet-ledger": (IDENTITY, CATALOG), "settlement": (CATALOG, WALLET)}
"""service -> the topics that it reads"""

SCHEMA_FORMAT = "application/schema+json;version=draft-2020-12"

HEADERS = {
    "content-type": {"type": "string", "const": CONTENT_TYPE.decode()},
    "ce_id": {"type": "string", "format": "uuid", "description": "The event's id."},
    "ce_type": {"type": "string", "description": "The event's type."},
    "position": {
        "type": "string",
        "pattern": "^[1-9][0-9]*$",
        "description": "The event's place in its partition: 1, 2, 3 ... without a hole.",
    },
    "recorded_at": {
        "type": "string",
        "pattern": "^[0-9]+$",
        "description": "When it was recorded, in microseconds since 1970, UTC.",
    },
}


def document() -> dict[str, Any]:
    """Return the document; it names no server, since every installation has its own."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Kembalian",
            "version": "1",
            "description": "The public events of Kembalian, CloudEvents 1.0 in canonical JSON.",
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": {context(topic): _channel(topic) for topic in _topics()},
        "operations": dict(_operations()),
        "components": {"messages": {_message_id(name): _message(name) for name in CONTRACTS}},
    }


def _topics() -> list[Topic]:
    return [*OWNERS.values(), *BESIDE.values()]


def context(topic: Topic) -> str:
    """Return the bounded context that a topic belongs to: `wallet` of `kembalian.wallet.v1`."""
    return topic.name.split(".")[1]


def names_of(topic: Topic) -> list[str]:
    """Return the stored names of the events that a topic carries."""
    return [name for name in CONTRACTS if name.startswith(f"kembalian.{context(topic)}.")]


def _message_id(name: str) -> str:
    """Return `ChangeSaved.v1` of `kembalian.wallet.ChangeSaved.v1`."""
    return name.split(".", 2)[2]


def _channel(topic: Topic) -> dict[str, Any]:
    configuration = {
        "cleanup.policy": [RETENTION["cleanup.policy"]],
        "retention.ms": int(RETENTION["retention.ms"]),
        "retention.bytes": int(RETENTION["retention.bytes"]),
    }
    return {
        "address": topic.name,
        "description": _described(topic),
        "messages": {
            _message_id(name): {"$ref": f"#/components/messages/{_message_id(name)}"}
            for name in names_of(topic)
        },
        "bindings": {
            "kafka": {
                "partitions": topic.partitions,
                "topicConfiguration": configuration,
                "bindingVersion": "0.5.0",
            }
        },
    }


def _described(topic: Topic) -> str:
    first = f"{topic.first_partition} + n" if topic.first_partition else "n"
    return f"Kafka's partition n holds what partition {first} of the owner's log holds."


def _operations() -> list[tuple[str, dict[str, Any]]]:
    """Return (name, operation), the senders first; a topic without events yet has none."""
    operations: list[tuple[str, dict[str, Any]]] = []
    for service, topic in OWNERS.items():
        if names_of(topic):
            operations.append((f"{service}.send", _operation("send", service, topic)))
    for service, topic in BESIDE.items():
        name = f"{service}.send.{context(topic)}"
        operations.append((name, _operation("send", service, topic)))
    for service, topics in READERS.items():
        for topic in topics:
            name = f"{service}.receive.{context(topic)}"
            operations.append((name, _operation("receive", service, topic)))
    return operations


def _operation(action: str, service: str, topic: Topic) -> dict[str, Any]:
    channel = f"#/channels/{context(topic)}"
    verb = "publishes its log to" if action == "send" else "reads"
    return {
        "action": action,
        "channel": {"$ref": channel},
        "summary": f"{service} {verb} {topic.name}",
        "messages": [{"$ref": f"{channel}/messages/{_message_id(n)}"} for n in names_of(topic)],
    }


def _message(name: str) -> dict[str, Any]:
    payload = {
        "allOf": [
            {"$ref": "cloudevent.schema.json"},
            {"properties": {"type": {"const": name}, "data": {"$ref": f"{name}.schema.json"}}},
        ]
    }
    headers = {
        "type": "object",
        "required": list(HEADERS),
        "properties": {**HEADERS, "ce_type": {"type": "string", "const": name}},
    }
    return {
        "name": name,
        "title": _message_id(name),
        "summary": (CONTRACTS[name].__doc__ or name).strip(),
        "contentType": CONTENT_TYPE.decode(),
        "headers": {"schemaFormat": SCHEMA_FORMAT, "schema": headers},
        "payload": {"schemaFormat": SCHEMA_FORMAT, "schema": payload},
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": "The stream: the envelope's subject."},
                "bindingVersion": "0.5.0",
            }
        },
    }

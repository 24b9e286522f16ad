"""The services by name: whose log is published on which topic, and who reads what of the others.

What can be done to each is in house.py, which imports all of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from events.topics import CATALOG, IDENTITY, SETTLEMENT, WALLET, Topic


@dataclass(frozen=True, slots=True)
class Service:
    """A service, the topic of its log, and the topics that it consumes."""

    name: str
    topic: Topic
    consumes: tuple[Topic, ...]


SERVICES: Final[Mapping[str, Service]] = {
    service.name: service
    for service in (
        Service("identity", IDENTITY, ()),
        Service("catalog", CATALOG, ()),
        Service("wallet-ledger", WALLET, (IDENTITY, CATALOG)),
        Service("settlement", SETTLEMENT, (WALLET, CATALOG)),
    )
}

OWNER_OF: Final = {service.topic.name: service.name for service in SERVICES.values()}
"""Topic -> the service whose log it publishes."""

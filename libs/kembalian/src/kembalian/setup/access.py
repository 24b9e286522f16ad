"""Who may do what on the broker: the one table, from which the start-up job makes all rights.

A principal that is not here has no user; a right that is not here is taken away.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from events.topics import CATALOG, CHECKPOINTS, IDENTITY, SETTLEMENT, WALLET, Topic

SETUP: Final = "setup"
"""The start-up job, a super user of the broker (deploy/kafka/server.properties)."""

BROKER: Final = "broker"
"""The broker itself, on its loopback alone."""

OPERATOR: Final = "operator"
"""The operators' command in a deployment."""

TOPICS: Final = (IDENTITY, CATALOG, WALLET, CHECKPOINTS, SETTLEMENT)

Operation = Literal["READ", "WRITE", "DESCRIBE_CONFIGS"]

# Writing implies seeing a topic, not reading it; a relay reads where its topic ends.
OWNERS: Final[tuple[Operation, ...]] = ("DESCRIBE_CONFIGS", "READ", "WRITE")
READERS: Final[tuple[Operation, ...]] = ("READ",)


@dataclass(frozen=True, slots=True)
class Access:
    """The topics that a principal writes (and nobody else does), and those that it only reads."""

    owns: tuple[Topic, ...] = ()
    reads: tuple[Topic, ...] = ()


ACCESS: Final[dict[str, Access]] = {
    "identity": Access(owns=(IDENTITY,)),
    "catalog": Access(owns=(CATALOG,)),
    "wallet-ledger": Access(owns=(WALLET, CHECKPOINTS), reads=(IDENTITY, CATALOG)),
    "settlement": Access(owns=(SETTLEMENT,), reads=(WALLET, CATALOG)),
    OPERATOR: Access(reads=TOPICS),
}


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """One operation on one topic that one principal is allowed."""

    principal: str
    topic: str
    operation: Operation


def rights() -> Iterator[Right]:
    """Yield every right that there is."""
    for principal, access in ACCESS.items():
        for topics, operations in ((access.owns, OWNERS), (access.reads, READERS)):
            for topic in topics:
                for operation in operations:
                    yield Right(principal, topic.name, operation)

"""The services as an operator sees them: whose log, which topic, what each reads of the others."""

from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

import catalog.operations
import identity.operations
import settlement.operations
import wallet_ledger.operations
from events.dead_letters import Project
from events.place import Place
from events.topics import CATALOG, IDENTITY, SETTLEMENT, WALLET, Topic
from settlement.consumer import project as settlement_project
from wallet_ledger.projections import project as wallet_ledger_project

Progress = Callable[[int, int], None]

Until = Mapping[str, Place]
"""Topic -> how far readers of a view that was lost must wait."""

Rebuild = Callable[[str, Progress, Until], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Operated:
    """What can be done to one service: its topic, what it consumes, how its views are remade."""

    name: str
    topic: Topic
    consumes: tuple[Topic, ...]
    export: Callable[[str], AsyncGenerator[str]]
    rebuild: Rebuild
    project: Project | None = None


def _from_its_own_log(rebuild: Callable[[str, Progress], Coroutine[Any, Any, None]]) -> Rebuild:
    """Return the rebuild of a service that consumes no topic: nobody needs to wait."""

    async def rebuilt(dsn: str, progress: Progress, _: Until) -> None:
        await rebuild(dsn, progress)

    return rebuilt


HOUSE = {
    service.name: service
    for service in (
        Operated(
            "identity",
            IDENTITY,
            (),
            identity.operations.export,
            _from_its_own_log(identity.operations.rebuild),
        ),
        Operated(
            "catalog",
            CATALOG,
            (),
            catalog.operations.export,
            _from_its_own_log(catalog.operations.rebuild),
        ),
        Operated(
            "wallet-ledger",
            WALLET,
            (IDENTITY, CATALOG),
            wallet_ledger.operations.export,
            wallet_ledger.operations.rebuild,
            wallet_ledger_project,
        ),
        Operated(
            "settlement",
            SETTLEMENT,
            (WALLET, CATALOG),
            settlement.operations.export,
            settlement.operations.rebuild,
            settlement_project,
        ),
    )
}

OWNER_OF = {service.topic.name: service.name for service in HOUSE.values()}
"""Topic -> the service whose log it publishes."""

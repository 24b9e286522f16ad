"""The services as an operator sees them: whose log, which topic, what each reads of the others."""

import hashlib
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

import catalog.operations
import identity.operations
import settlement.operations
import wallet_ledger.operations
from events.dead_letters import Project
from events.place import Place
from events.view_digest import Digest
from kembalian.operators.services import SERVICES, Service
from settlement.consumer import project as settlement_project
from wallet_ledger.projections import project as wallet_ledger_project

Progress = Callable[[int, int], None]

Until = Mapping[str, Place]
"""Topic -> how far readers of a view that was lost must wait."""

Rebuild = Callable[[str, Progress, Until], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Operated(Service):
    """What can be done to one service: how its views are shown and remade."""

    export: Callable[[str], AsyncGenerator[str]]
    digest: Callable[[str], Coroutine[Any, Any, Digest]]
    rebuild: Rebuild
    project: Project | None = None


def _operated(
    name: str,
    export: Callable[[str], AsyncGenerator[str]],
    digest: Callable[[str], Coroutine[Any, Any, Digest]],
    rebuild: Rebuild,
    project: Project | None = None,
) -> Operated:
    known = SERVICES[name]
    return Operated(name, known.topic, known.consumes, export, digest, rebuild, project)


def _of_lines(
    export: Callable[[str], AsyncGenerator[str]],
) -> Callable[[str], Coroutine[Any, Any, Digest]]:
    """Return the digest of a service whose export is short enough to be read line by line."""

    async def digest(dsn: str) -> Digest:
        sha, rows = hashlib.sha256(), 0
        async for line in export(dsn):
            sha.update(line.encode() + b"\n")
            rows += 1
        return Digest(sha.hexdigest(), rows)

    return digest


def _from_its_own_log(rebuild: Callable[[str, Progress], Coroutine[Any, Any, None]]) -> Rebuild:
    """Return the rebuild of a service that consumes no topic: nobody needs to wait."""

    async def rebuilt(dsn: str, progress: Progress, _: Until) -> None:
        await rebuild(dsn, progress)

    return rebuilt


HOUSE = {
    service.name: service
    for service in (
        _operated(
            "identity",
            identity.operations.export,
            _of_lines(identity.operations.export),
            _from_its_own_log(identity.operations.rebuild),
        ),
        _operated(
            "catalog",
            catalog.operations.export,
            _of_lines(catalog.operations.export),
            _from_its_own_log(catalog.operations.rebuild),
        ),
        _operated(
            "wallet-ledger",
            wallet_ledger.operations.export,
            wallet_ledger.operations.digest_of,
            wallet_ledger.operations.rebuild,
            wallet_ledger_project,
        ),
        _operated(
            "settlement",
            settlement.operations.export,
            settlement.operations.digest_of,
            settlement.operations.rebuild,
            settlement_project,
        ),
    )
}

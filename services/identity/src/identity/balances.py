"""Balances of members, which only wallet-ledger knows."""

from typing import Any

from web.peers import Peer
from web.problems import Problem


async def balances(wallet_ledger: Peer, member_ids: list[str]) -> dict[str, int | None]:
    """Return member id -> rupiah (0 = nothing was ever saved), None for all while it is down.

    At most 200 ids at once.
    """
    unknown: dict[str, int | None] = dict.fromkeys(member_ids)
    if not member_ids:
        return unknown
    try:
        answer = await wallet_ledger.post("/internal/balances", {"member_ids": member_ids})
        found: dict[str, Any] = answer.json()["balances"]
    except (Problem, ValueError, KeyError, TypeError):
        return unknown
    return {member_id: int(found.get(member_id, 0)) for member_id in member_ids}

"""Many members at once, with cards and without logins: what a measurement needs of a town."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice

from uuid_utils.compat import uuid7

from events import log
from events.connecting import connected
from events.envelope import Cause
from identity.config import PARTITION
from identity.domain import MemberRegistered
from identity.projections import At, project
from identity.publish import contract_of, new_event

GROUP = 2_000


async def register_members(
    dsn: str, cards: Sequence[str], progress: Callable[[int, int], None]
) -> list[str]:
    """Append one MemberRegistered per card, with consent; return the member ids, in order.

    Raises asyncpg.UniqueViolationError for a card that exists.
    """
    member_ids: list[str] = []
    remaining = iter(cards)
    async with connected(dsn) as connection:
        while group := list(_members(remaining)):
            now, cause = datetime.now(UTC), Cause("bulk")
            events = [
                new_event(member, version=1, event_id=uuid7(), time=now, cause=cause)
                for member in group
            ]
            async with connection.transaction():
                appended = await log.append(connection, PARTITION, events)
                for n, member in enumerate(group):
                    at = At(1, PARTITION, appended.first_position + n, appended.recorded_at)
                    await project(connection, contract_of(member), at)
            member_ids += [member.member_id for member in group]
            progress(len(member_ids), len(cards))
    return member_ids


def _members(cards: Iterator[str]) -> Iterator[MemberRegistered]:
    for card in islice(cards, GROUP):
        yield MemberRegistered(str(uuid7()), card, auto_save_consent=True)

"""The checks of `kembalian verify` that rest on signed checkpoints, and how far these are."""

from collections.abc import AsyncGenerator

from events import log
from events.audit_topic import TopicPart, audit_topic
from events.contracts.checkpoint import CheckpointSigned
from events.finding import Finding
from events.place import Place
from events.topics import CHECKPOINTS
from kembalian.operators.live import LiveRun
from kembalian.operators.reading import database
from kembalian.operators.speaking import Tell
from wallet_ledger.checkpoint_audit import check_checkpoints

LEDGER = "wallet-ledger"


async def head(run: LiveRun) -> Place:
    """Return the last position of the log of checkpoints."""
    async with database(run, LEDGER) as connection:
        return await log.heads(connection, CHECKPOINTS.first_partition)


async def check_signed(
    run: LiveRun, kept: CheckpointSigned | None, tell: Tell
) -> AsyncGenerator[Finding]:
    """Check the ledger against all checkpoints (9) and its trees against its links (7).

    `kept` is a checkpoint that an outsider kept.
    """
    async with (
        database(run, LEDGER) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        async for finding in check_checkpoints(connection, kept, tell):
            yield finding


async def check_published(run: LiveRun, signed: Place) -> AsyncGenerator[Finding]:
    """Check that the topic of checkpoints holds their log up to `signed` (10)."""
    for at in signed.positions:
        part = TopicPart(run.postgres[LEDGER], run.broker, LEDGER, CHECKPOINTS, *at)
        async for finding in audit_topic(part):
            yield finding

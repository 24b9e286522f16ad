"""Whose fault a failure is: nobody's (it passes), or the message's that was being handled."""

import asyncpg
from aiokafka.errors import KafkaError

DATABASE_AWAY = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # "another operation is in progress": a backend was terminated
)

PASSING = (KafkaError, *DATABASE_AWAY)
"""What ends by itself: the broker or the database is away."""


class Fenced(Exception):
    """Another process has moved this place, or a rebuild has set it back: read it again."""


NOT_THE_MESSAGE = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.TransactionRollbackError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.SyntaxOrAccessError,  # a view or a right is missing: every message would fail
    Fenced,
    OSError,
    TimeoutError,
)
"""The database, or our place in it: another try may go well, and no message is to blame."""

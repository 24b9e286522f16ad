"""What a failure below a route means to the client: try again later, or a fault of ours."""

import asyncpg
import httpx

from web.problems import Problem

PASSING: tuple[type[BaseException], ...] = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.OperatorInterventionError,  # the server is stopping, or cancelled a statement
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,  # deadlock, serialization: another try succeeds
    asyncpg.LockNotAvailableError,
    asyncpg.InternalClientError,  # what a statement meets whose backend was killed under it
    asyncpg.InvalidCatalogNameError,  # the database, its roles or its tables are not made yet,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidSchemaNameError,
    asyncpg.UndefinedTableError,  # or a view was dropped and is being made again
    asyncpg.InternalClientError,  # a backend was terminated under an operation
    httpx.TransportError,
    TimeoutError,
    OSError,  # refused, reset, unreachable: what connect() raises
)


def is_passing(error: BaseException) -> bool:
    """Tell whether `error` says that something we need cannot be reached at the moment."""
    if isinstance(error, asyncpg.InterfaceError):
        # asyncpg has one class for a closed connection or pool and for misuse: only its words tell.
        return not isinstance(error, asyncpg.DataError) and any(
            word in str(error) for word in ("clos", "another operation")
        )
    return isinstance(error, PASSING)


def problem_of(error: BaseException) -> Problem:
    """Return 503 `unavailable` for what passes by itself, else 500 without a word of what it is."""
    return Problem("unavailable" if is_passing(error) else "internal-error")

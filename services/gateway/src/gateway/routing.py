"""Which service answers a path: the one visible table, and the paths that no service may see."""

import re
from enum import StrEnum
from functools import lru_cache
from urllib.parse import unquote_to_bytes


class Service(StrEnum):
    """The services behind the gateway, by their names in settings, logs and /readyz."""

    IDENTITY = "identity"
    CATALOG = "catalog"
    WALLET_LEDGER = "wallet-ledger"
    SETTLEMENT = "settlement"


ROUTES: tuple[tuple[str, Service], ...] = (
    # Prefixes by whole segments, `*` = any one segment; the first that fits decides.
    ("/.well-known/jwks.json", Service.IDENTITY),
    ("/api/v1/auth", Service.IDENTITY),
    ("/api/v1/members", Service.IDENTITY),
    ("/api/v1/cashiers", Service.IDENTITY),
    ("/api/v1/operators", Service.IDENTITY),
    ("/api/v1/cards", Service.IDENTITY),
    ("/api/v1/stores/*/transactions", Service.SETTLEMENT),
    ("/api/v1/stores", Service.CATALOG),
    ("/api/v1/products", Service.CATALOG),
    ("/api/v1/pos", Service.WALLET_LEDGER),
    ("/api/v1/wallets", Service.WALLET_LEDGER),
    ("/api/v1/ledger", Service.WALLET_LEDGER),
    ("/api/v1/reports", Service.SETTLEMENT),
    ("/api/v1/settlement", Service.SETTLEMENT),
)

PATH_BYTES_MAX = 4096
PATHS_REMEMBERED = 1024
_SEGMENT = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*")
_FORBIDDEN = re.compile(rb"[\x00-\x1f\x7f/\\]")
_PREFIXES = tuple(
    (tuple(prefix.encode("ascii").split(b"/")[1:]), service) for prefix, service in ROUTES
)


@lru_cache(PATHS_REMEMBERED)  # a till asks for the same four paths all day
def service_for(raw_path: bytes) -> Service | None:
    """Return the service that answers `raw_path` (as sent, still percent-encoded), or None.

    None also for every path that a service could read differently than the table does: empty
    and dot segments, encoded slashes and control characters, broken escapes. Since the prefix
    is compared as sent, `/internal` cannot be spelled in any other way either.
    """
    segments = _segments(raw_path)
    if segments is None:
        return None
    for prefix, service in _PREFIXES:
        if len(segments) >= len(prefix) and all(
            expected in (b"*", segment) for expected, segment in zip(prefix, segments, strict=False)
        ):
            return service
    return None


def _segments(raw_path: bytes) -> list[bytes] | None:
    """Return the segments of a path that has only one reading, else None."""
    if not raw_path.startswith(b"/") or len(raw_path) > PATH_BYTES_MAX:
        return None
    segments = raw_path[1:].split(b"/")
    last = len(segments) - 1
    for index, segment in enumerate(segments):
        if not segment and index != last:  # a final slash is the service's to judge
            return None
        if not _SEGMENT.fullmatch(segment):
            return None
        plain = unquote_to_bytes(segment)
        if plain in (b".", b"..") or _FORBIDDEN.search(plain):
            return None
    return segments

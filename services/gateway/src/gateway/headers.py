"""Which header fields pass, in both directions. Names come in lower case, values as bytes."""

from collections.abc import Iterable, Sequence

Headers = Sequence[tuple[bytes, bytes]]

HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
"""Fields that speak of one connection only. Source: RFC 9110, section 7.6.1."""

SET_BY_THE_GATEWAY = frozenset(
    {
        b"content-length",
        b"expect",
        b"forwarded",
        b"host",
        b"traceparent",
        b"tracestate",
        b"x-real-ip",
        b"x-request-id",
    }
)
"""What the gateway says itself: the client's word on it is not passed on."""

INTERNAL_PREFIXES = (b"x-forwarded-", b"x-kembalian-")
SAID_BY_EVERY_SERVER = frozenset({b"date", b"server"})
"""The gateway's own server adds these; twice would be malformed."""

NOTHING: frozenset[bytes] = frozenset()
NEVER_ON = HOP_BY_HOP | SET_BY_THE_GATEWAY
NEVER_BACK = HOP_BY_HOP | SAID_BY_EVERY_SERVER


def values(headers: Headers, name: bytes) -> list[bytes]:
    """Return every value of the field `name` (lower case), in order."""
    return [value for field, value in headers if field == name]


def size(headers: Headers) -> int:
    """Return the bytes that the fields took on the wire."""
    return sum(len(name) + len(value) + 4 for name, value in headers)


def from_client(headers: Headers) -> list[tuple[bytes, bytes]]:
    """Return what a service gets to see of the client's fields: bytes untouched, order kept.

    Blanks around a value are none of it, though our server leaves those at its end.
    Source: RFC 9110, section 5.5.
    """
    dropped = NEVER_ON
    named = _named_by_connection(headers)
    if named:
        dropped |= named
    return [
        (name, value.strip(b" \t"))
        for name, value in headers
        if name not in dropped and not name.startswith(INTERNAL_PREFIXES)
    ]


def from_service(headers: Headers) -> list[tuple[bytes, bytes]]:
    """Return what the client gets to see of a service's fields."""
    dropped = NEVER_BACK
    named = _named_by_connection(headers)
    if named:
        dropped |= named
    return [field for field in headers if field[0] not in dropped]


def secured(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the fields with those that tell a browser to trust nothing, unless already said."""
    said = list(headers)
    names = {name for name, _ in said}
    if names.isdisjoint(_SECURITY_NAMES):
        return [*said, *_SECURITY]
    return said + [(name, value) for name, value in _SECURITY if name not in names]


_SECURITY = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),  # tokens and balances belong in no cache
)

_SECURITY_NAMES = frozenset(name for name, _ in _SECURITY)


def _named_by_connection(headers: Headers) -> frozenset[bytes]:
    """Return the fields that `Connection` declares to be of this hop only."""
    named = values(headers, b"connection")
    if not named:
        return NOTHING
    return frozenset(token.strip().lower() for value in named for token in value.split(b","))

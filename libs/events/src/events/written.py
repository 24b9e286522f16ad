"""An envelope on its way out: from an event's data to its canonical bytes (RFC 8785)."""

from functools import lru_cache
from typing import Any

import msgspec

from events.canonical import canonical, canonical_form


class Cause(msgspec.Struct, frozen=True, gc=False):
    """Where an event comes from: `correlation_id` of the request, what caused it, its trace."""

    correlation_id: str
    causation_id: str | None = None
    traceparent: str | None = None


class Written(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """An envelope to be written: fields in the order of RFC 8785, without extensions that are None.

    `data` is a form (canonical.canonical_form) or the canonical bytes of what has none.
    """

    aggversion: int
    causationid: str | None = None
    correlationid: str
    data: msgspec.Struct | msgspec.Raw
    datacontenttype: str
    dataschema: str
    id: str
    partitionkey: str
    source: str
    specversion: str
    subject: str
    time: str
    traceparent: str | None = None
    type: str


def seal_plain(
    name: str,
    data: msgspec.Struct | dict[str, Any],
    *,
    source: str,
    event_id: str,
    stream: str,
    version: int,
    time: str,
    cause: Cause,
) -> bytes:
    """As `envelope.seal`, for data that is known to keep the contract `name`: nothing is validated.

    `data`: a form whose fields are in canonical order, or plain data.
    """
    return canonical_form(
        Written(
            aggversion=version,
            causationid=cause.causation_id,
            correlationid=cause.correlation_id,
            data=msgspec.Raw(canonical(data)) if isinstance(data, dict) else data,
            datacontenttype="application/json",
            dataschema=_schema_of(name),
            id=event_id,
            partitionkey=stream,
            source=f"/kembalian/{source}",
            specversion="1.0",
            subject=stream,
            time=time,
            traceparent=cause.traceparent,
            type=name,
        )
    )


@lru_cache(maxsize=256)
def _schema_of(name: str) -> str:
    return f"urn:{name.replace('.', ':')}"

"""CloudEvents 1.0 in canonical bytes (RFC 8785): what is stored is what is published."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from events.canonical import canonical
from events.contracts import CONTRACTS, PublicEvent, contract_of, name_of
from events.contracts.lean import AnyLeanEnvelope

CONTENT_TYPE = b"application/cloudevents+json; charset=UTF-8"


class MalformedEvent(ValueError):
    """Bytes that are not an envelope of this house, or data that breaks its contract."""


class UnknownEventType(ValueError):
    """A type that this build has no contract for: a newer writer, never to be skipped."""


Attribute = Annotated[str, Field(min_length=1)]


class CloudEvent(BaseModel):
    """The attributes of CloudEvents 1.0 and the extensions that every event of the house has.

    Further extensions may come: a reader takes no notice of those that it does not know.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")

    specversion: Literal["1.0"]
    id: Attribute
    source: Attribute
    type: Attribute
    subject: Attribute
    time: Attribute
    dataschema: Attribute
    datacontenttype: Literal["application/json"]
    partitionkey: Attribute
    aggversion: Annotated[int, Field(ge=1)]
    correlationid: Attribute
    causationid: Attribute | None = None
    traceparent: Attribute | None = None
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cause:
    """Where an event comes from: `correlation_id` of the request, what caused it, its trace."""

    correlation_id: str
    causation_id: str | None = None
    traceparent: str | None = None


class Opened(NamedTuple):
    """An opened CloudEvent: its id, type, stream (`subject`), version and typed data."""

    event_id: str
    type: str
    stream: str
    version: int
    time: str
    data: PublicEvent


Envelope: TypeAlias = Opened | AnyLeanEnvelope
"""One whose data is a contract's, or the same in its lean form, with the same attributes."""


def timestamp(moment: datetime) -> str:
    """Return `moment` as RFC 3339 in UTC with `Z` and six decimals."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def seal(
    data: PublicEvent,
    *,
    source: str,
    event_id: UUID,
    stream: str,
    version: int,
    time: datetime,
    cause: Cause,
) -> bytes:
    """Return the canonical bytes of an event of the service `source` (`wallet-ledger`).

    `version`: the stream's after it; `time`: of the decision, UTC (reports use `recorded_at`).
    """
    return seal_plain(
        name_of(data),
        data.model_dump(mode="json"),
        source=source,
        event_id=str(event_id),
        stream=stream,
        version=version,
        time=timestamp(time),
        cause=cause,
    )


def seal_plain(
    name: str,
    data: dict[str, Any],
    *,
    source: str,
    event_id: str,
    stream: str,
    version: int,
    time: str,
    cause: Cause,
) -> bytes:
    """As `seal`, for data that is known to keep the contract `name`: nothing is validated."""
    attributes: dict[str, Any] = {
        **_attributes_of(name, source),
        "id": event_id,
        "subject": stream,
        "time": time,
        "partitionkey": stream,
        "aggversion": version,
        "correlationid": cause.correlation_id,
        "data": data,
    }
    if cause.causation_id is not None:
        attributes["causationid"] = cause.causation_id
    if cause.traceparent is not None:
        attributes["traceparent"] = cause.traceparent
    return canonical(attributes)


@lru_cache(maxsize=256)
def _attributes_of(name: str, source: str) -> Mapping[str, str]:
    """Return what all events of a type have in common."""
    return {
        "specversion": "1.0",
        "source": f"/kembalian/{source}",
        "type": name,
        "dataschema": f"urn:{name.replace('.', ':')}",
        "datacontenttype": "application/json",
    }


def open_envelope(body: bytes) -> Opened:
    """Return the event in `body`. Raises MalformedEvent or UnknownEventType; never skips."""
    model = _ENVELOPES.get(type_at_the_end(body))
    if model is not None:
        try:
            event = model.model_validate_json(body)
        except ValidationError:  # not what its end says, or malformed: said with care below
            return _open_carefully(body)
        return _opened(event, event.data)
    return _open_carefully(body)


def _open_carefully(body: bytes) -> Opened:
    """Open what is not canonical, too; in two steps, so that the reason is that of the first."""
    try:
        event = CloudEvent.model_validate_json(body)
    except ValidationError as error:
        raise MalformedEvent(_reasons(error)) from error
    contract = contract_of(event.type)
    if contract is None:
        raise UnknownEventType(event.type)
    try:
        data = contract.model_validate(event.data)
    except ValidationError as error:
        raise MalformedEvent(f"{event.type}: {_reasons(error)}") from error
    return _opened(event, data)


def _opened(event: CloudEvent, data: Any) -> Opened:
    return Opened(event.id, event.type, event.subject, event.aggversion, event.time, data)


def type_at_the_end(body: bytes) -> bytes:
    """Return the type of a canonical envelope, whose last key it is: a guess, not a fact."""
    return body[body.rfind(b'"type":"') + len(b'"type":"') : -len(b'"}')]


def _envelope_of(name: str, contract: type[PublicEvent]) -> type[CloudEvent]:
    """Return the envelope of one contract: attributes and data are validated in one pass."""
    fields: dict[str, Any] = {"type": (Literal[name], ...), "data": (contract, ...)}
    return create_model(f"{contract.__name__}Envelope", __base__=CloudEvent, **fields)


_ENVELOPES: dict[bytes, type[CloudEvent]] = {
    name.encode(): _envelope_of(name, contract) for name, contract in CONTRACTS.items()
}


def _reasons(error: ValidationError) -> str:
    """Return what is wrong, without the input: an operator's list is no place for it."""
    problems = error.errors(include_url=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, p['loc'])) or 'body'}: {p['msg']}" for p in problems)

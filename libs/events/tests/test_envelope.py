import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
import rfc8785

from events.contracts import wallet
from events.contracts.base import Allocation, Posting
from events.envelope import (
    Cause,
    MalformedEvent,
    UnknownEventType,
    open_envelope,
    seal,
    timestamp,
)

EVENT = wallet.ChangeRedeemed(
    wallet_id="m1",
    card_number="1000",
    store_id="koperasi",
    cashier_id="kasir-1",
    balance=200,
    postings=(Posting(account="wallet:m1", amount=-600), Posting(account="x", amount=600)),
    amount=600,
    allocations=(
        Allocation(issuer="fotokopi", amount=400),
        Allocation(issuer="koperasi", amount=200),
    ),
)


def sealed(cause: Cause = Cause("corr", "cause", "00-trace")) -> bytes:  # noqa: B008 - frozen
    return seal(
        EVENT,
        source="wallet-ledger",
        event_id=UUID("019ab000-0000-7000-8000-000000000001"),
        stream="m1",
        version=3,
        time=datetime(2026, 11, 22, 10, 0, 0, 5, tzinfo=UTC),
        cause=cause,
    )


def changed(**attributes: object) -> bytes:
    event: dict[str, Any] = json.loads(sealed())
    return json.dumps({**event, **attributes}).encode()


def without(attribute: str) -> bytes:
    event: dict[str, Any] = json.loads(sealed())
    del event[attribute]
    return json.dumps(event).encode()


def test_the_bytes_are_canonical() -> None:
    body = sealed()

    assert body == rfc8785.dumps(json.loads(body))
    assert body == (
        b'{"aggversion":3,"causationid":"cause","correlationid":"corr","data":{"allocations":'
        b'[{"amount":400,"issuer":"fotokopi"},{"amount":200,"issuer":"koperasi"}],"amount":600,'
        b'"balance":200,"card_number":"1000","cashier_id":"kasir-1","postings":'
        b'[{"account":"wallet:m1","amount":-600},{"account":"x","amount":600}],'
        b'"store_id":"koperasi","wallet_id":"m1"},"datacontenttype":"application/json",'
        b'"dataschema":"urn:kembalian:wallet:ChangeRedeemed:v1",'
        b'"id":"019ab000-0000-7000-8000-000000000001","partitionkey":"m1",'
        b'"source":"/kembalian/wallet-ledger","specversion":"1.0","subject":"m1",'
        b'"time":"2026-11-22T10:00:00.000005Z","traceparent":"00-trace",'
        b'"type":"kembalian.wallet.ChangeRedeemed.v1"}'
    )


def test_what_was_sealed_is_opened() -> None:
    opened = open_envelope(sealed())

    assert opened.data == EVENT
    assert (opened.stream, opened.version) == ("m1", 3)
    assert opened.event_id == "019ab000-0000-7000-8000-000000000001"
    assert opened.type == "kembalian.wallet.ChangeRedeemed.v1"


def test_what_has_no_cause_has_no_attribute_for_it() -> None:
    event: dict[str, Any] = json.loads(sealed(Cause("corr")))

    assert not {"causationid", "traceparent"} & event.keys()


def test_an_extension_that_this_build_does_not_know_is_no_obstacle() -> None:
    assert open_envelope(changed(newextension="x")).data == EVENT


def test_an_event_is_the_same_however_its_keys_are_ordered_and_spaced() -> None:
    event: dict[str, Any] = json.loads(sealed())
    turned = json.dumps(dict(reversed(event.items())), indent=1).encode()

    assert open_envelope(turned) == open_envelope(sealed())


def test_what_the_end_of_a_body_says_is_no_proof_of_its_type() -> None:
    event: dict[str, Any] = json.loads(sealed())
    misleading = {**event, "z": {"type": "kembalian.wallet.TopUp.v1"}}
    body = json.dumps(misleading, separators=(",", ":"), sort_keys=True).encode()

    assert open_envelope(body).data == EVENT
    assert open_envelope(body[:-1] + b',"type":"kembalian.wallet.ChangeRedeemed.v1"}').data == EVENT
    with pytest.raises(MalformedEvent):
        open_envelope(body[:-1] + b',"type":"kembalian.wallet.TopUp.v1"}')


def test_an_unknown_type_is_said_to_be_unknown() -> None:
    with pytest.raises(UnknownEventType, match=r"^kembalian\.wallet\.TopUp\.v9$"):
        open_envelope(changed(type="kembalian.wallet.TopUp.v9"))


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"null", b"[]", b"5", b"\xff", b"\0", b"[" * 100_000, b'{"a":' * 100_000),
        *(without(name) for name in ("id", "type", "subject", "aggversion", "time", "data")),
        *(changed(aggversion=wrong) for wrong in (0, -1, "3", 3.5, True, None)),
        *(changed(specversion="0.3"), changed(subject=""), changed(type=5), changed(data=[])),
        changed(data={}),
        changed(data={**json.loads(sealed())["data"], "unknown": 1}),
        *(
            changed(data={**json.loads(sealed())["data"], "amount": wrong})
            for wrong in (0, -1, "600", 600.0, True, None, 10**12 + 1)
        ),
    ],
)
def test_what_is_not_an_event_of_the_house_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedEvent):
        open_envelope(body)


def test_a_reason_does_not_repeat_the_input() -> None:
    with pytest.raises(MalformedEvent) as refused:
        open_envelope(changed(data={"secret-name": "secret-value"}))

    assert "secret-value" not in str(refused.value)
    assert "wallet_id: Field required" in str(refused.value)


def test_a_timestamp_is_utc_with_six_decimals() -> None:
    makassar = timezone(timedelta(hours=8))

    assert timestamp(datetime(2026, 1, 1, tzinfo=makassar)) == "2025-12-31T16:00:00.000000Z"

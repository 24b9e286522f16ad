"""A plain batch means the same without the models as with them; the rest is left to them."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from wallet_ledger import models
from wallet_ledger.domain import Till
from wallet_ledger.owners import CardHolder
from wallet_ledger.plain_batch import entries_of, fingerprint_of, shown
from wallet_ledger.till_commands import Limits, Request, asked_of
from web.idempotency import fingerprint_plain
from web.strict_json import InvalidJson, parse

PATH = "/api/v1/ledger/batch"
LIMITS = Limits(auto_save_below=500, pin_above=100_000)
HOLDER = CardHolder("w", auto_save_consent=True)

KEYS = st.one_of(
    st.text(st.characters(min_codepoint=0x1F, max_codepoint=0x80), max_size=8),
    st.sampled_from(['a:b":{', "k" * 255, "k" * 256, "é"]),
)
AMOUNTS = st.one_of(st.integers(-1, 200_000), st.sampled_from([10**12, 10**12 + 1, 1.0, True]))
STORES = st.sampled_from(["kantin", "k", "Kantin", "kantin\n", "a" * 32, "a" * 33])
CARDS = st.sampled_from(["1000", "100", "1000\n", "１０００", "1" * 32, ""])
GOOD = {"card_number": "1000", "store_id": "kantin"}
MONEY = st.integers(1, 200_000)


def entries(kind: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    save = {"save": st.booleans()} if kind == "change" else {}
    return st.fixed_dictionaries(
        {"key": KEYS, "type": st.just(kind), **{n: st.just(v) for n, v in GOOD.items()}, **fields},
        optional=save,
    )


PLAIN = st.one_of(
    entries("change", sale_total=MONEY, tendered=MONEY),
    *(entries(kind, amount=MONEY) for kind in ("redemption", "topup", "cashout")),
)
ODD = st.fixed_dictionaries(
    {
        "key": KEYS,
        "type": st.sampled_from(["change", "redemption", "topup", "cashout", "refund"]),
        "store_id": STORES,
        "card_number": CARDS,
    },
    optional={
        "amount": AMOUNTS,
        "sale_total": AMOUNTS,
        "tendered": AMOUNTS,
        "save": st.sampled_from([True, False, None]),
        "pin": st.sampled_from(["123456", None]),
    },
)
BODIES = st.fixed_dictionaries(
    {"entries": st.lists(st.one_of(PLAIN, ODD), max_size=3)},
    optional={"atomic": st.booleans(), "other": st.none()},
).map(lambda body: json.dumps(body, ensure_ascii=False).encode())
DOUBLED = (
    b'{"entries":[{"key":"k","type":"topup","store_id":"kantin","card_number":"1000",'
    b'"amount":1,"amount":2}]}'
)


def outcome(entry: Request, till: Till) -> object:
    return asked_of(entry, till, "active", HOLDER, LIMITS)


@given(BODIES)
@example(DOUBLED)
@example(DOUBLED.replace(b'"amount":1', b'"pin":null'))
@example(DOUBLED.replace(b'"amount":1', b'"k":1').replace(b'"key":"k"', b'"key":":"'))
@example(b'{"entries":[],"entries":[]}')
def test_what_is_plain_means_the_same_to_the_models(body: bytes) -> None:
    plain = entries_of(body)

    if plain is not None:
        batch = models.BatchRequest.model_validate(parse(body))
        assert not batch.atomic
        for mine, theirs in zip(plain, batch.entries, strict=True):
            said = theirs.model_dump(exclude={"key"}, exclude_unset=True)
            assert (mine.key, shown(mine)) == (theirs.key, theirs.model_dump(exclude_unset=True))
            assert fingerprint_of(mine) == fingerprint_plain("POST", PATH, said)
            till = Till(mine.card_number, mine.store_id, "channel")
            assert outcome(mine, till) == outcome(theirs, till)


@given(st.lists(PLAIN, min_size=1, max_size=3, unique_by=lambda entry: entry["key"]))
def test_an_ordinary_batch_is_plain(batch: list[dict[str, Any]]) -> None:
    body = json.dumps({"entries": batch}).encode()
    plain = entries_of(body)

    try:
        models.BatchRequest.model_validate(parse(body))
    except ValidationError:
        assert plain is None
    else:
        assert (plain is None) == (b"\\" in body)
        assert plain is None or [shown(entry) for entry in plain] == batch


@pytest.mark.parametrize(
    "body",
    [
        DOUBLED,
        DOUBLED.replace(b'"amount":1', b'"amoun\\u0074":1'),
        DOUBLED.replace(b'"amount":1,', b"")[:-2],
        b'{"entries":[]}',
        b"\xef\xbb\xbf" + DOUBLED.replace(b'"amount":1,', b""),
        DOUBLED.replace(b'"amount":1,', b"").replace(b"kantin", b"kan\xfftin"),
        b'{"entries":[' + b",".join([DOUBLED.replace(b'"amount":1,', b"")[12:-2]] * 2) + b"]}",
    ],
    ids=["twice", "twice, escaped", "cut", "empty", "mark", "not UTF-8", "one key twice"],
)
def test_what_the_models_refuse_is_not_plain(body: bytes) -> None:
    assert entries_of(body) is None


def test_what_they_refuse_is_refused_as_before() -> None:
    with pytest.raises(InvalidJson, match="twice"):
        parse(DOUBLED)

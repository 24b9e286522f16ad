"""Every event version ever published is opened by this build; a file of the corpus is for ever."""

import json
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from jsonschema import Draft202012Validator

from events.contracts import CONTRACTS, name_of
from events.envelope import open_envelope
from events.schemas import FOLDER as SCHEMAS

CORPUS = Path(__file__).parents[1] / "corpus"


def events_of(name: str) -> list[bytes]:
    """Return the bodies in a file of the corpus: a JSON array with one event on each line."""
    lines = (CORPUS / f"{name}.json").read_bytes().splitlines()
    assert (lines[0], lines[-1]) == (b"[", b"]")
    return [line.removesuffix(b",") for line in lines[1:-1]]


@pytest.mark.parametrize("name", CONTRACTS)
def test_every_event_ever_published_is_opened(name: str) -> None:
    bodies = events_of(name)

    assert bodies
    for body in bodies:
        opened = open_envelope(body)
        assert opened.type == name_of(opened.data) == name
        assert opened.data.model_dump(mode="json") == json.loads(body)["data"]


@pytest.mark.parametrize("name", CONTRACTS)
def test_the_corpus_holds_canonical_bytes_that_fit_the_committed_schemas(name: str) -> None:
    contract = json.loads((SCHEMAS / f"{name}.schema.json").read_text())
    envelope = json.loads((SCHEMAS / "cloudevent.schema.json").read_text())
    for body in events_of(name):
        event: dict[str, Any] = json.loads(body)
        assert rfc8785.dumps(event) == body
        assert event["dataschema"] == contract["$id"]
        Draft202012Validator(contract).validate(event["data"])  # pyright: ignore[reportUnknownMemberType]
        Draft202012Validator(envelope).validate(event)  # pyright: ignore[reportUnknownMemberType]


def test_the_corpus_holds_nothing_that_this_build_has_forgotten() -> None:
    assert {path.stem for path in CORPUS.glob("*.json")} == set(CONTRACTS)


@pytest.mark.parametrize("name", [n for n in CONTRACTS if n.startswith("kembalian.wallet.")])
def test_the_postings_of_the_corpus_sum_to_zero(name: str) -> None:
    for body in events_of(name):
        assert sum(posting["amount"] for posting in json.loads(body)["data"]["postings"]) == 0

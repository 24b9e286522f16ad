import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from events import schemas
from events.asyncapi import READERS, document
from events.compatibility import breaks
from events.contracts import CONTRACTS
from events.topics import WALLET

NAME = "kembalian.wallet.ChangeRedeemed.v1"

Change = Callable[[dict[str, Any]], object]


def test_the_committed_schemas_are_what_the_contracts_say() -> None:
    assert schemas.main(["--check"]) == 0


@pytest.mark.parametrize("path", sorted(schemas.FOLDER.glob("*.schema.json")), ids=lambda p: p.name)
def test_a_schema_is_a_schema(path: Path) -> None:
    schema = json.loads(path.read_text())

    Draft202012Validator.check_schema(schema)
    with pytest.raises(ValidationError):
        Draft202012Validator(schema).validate({"amount": "5"})  # pyright: ignore[reportUnknownMemberType]


def test_drift_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert schemas.main([], tmp_path) == 0
    assert schemas.main(["--check"], tmp_path) == 0
    (tmp_path / "asyncapi.json").write_text("{}")
    (tmp_path / f"{NAME}.schema.json").unlink()

    assert schemas.main(["--check"], tmp_path) == 1

    printed = capsys.readouterr().err
    assert "asyncapi.json: not what the contracts say" in printed
    assert f"{NAME}.schema.json: not what the contracts say" in printed


def test_an_incompatible_contract_is_refused_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    schemas.main([], tmp_path)
    path = tmp_path / f"{NAME}.schema.json"
    committed = json.loads(path.read_text())
    committed["properties"]["tip"] = {"type": "integer"}
    path.write_text(json.dumps(committed))
    before = path.read_text()

    assert schemas.main([], tmp_path) == 1

    assert f"{path.name}: data.tip was removed; give it a new version" in capsys.readouterr().err
    assert path.read_text() == before


def test_a_contract_cannot_be_taken_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    schemas.main([], tmp_path)
    (tmp_path / "kembalian.wallet.Gone.v1.schema.json").write_text("{}")

    assert schemas.main([], tmp_path) == 1

    assert "Gone.v1.schema.json: an event that was published once" in capsys.readouterr().err


def _set(path: str, value: object) -> Change:
    """Return a change of a schema: `path` of keys, by dots, becomes `value` (None = deleted)."""

    def change(schema: dict[str, Any]) -> None:
        *parents, last = path.split(".")
        for key in parents:
            schema = schema[key]
        if value is None:
            del schema[last]
        else:
            schema[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        (_set("properties.amount", None), "data.amount was removed"),
        (_set("properties.amount.type", "string"), "data.amount was retyped: integer to string"),
        (_set("properties.amount.type", ["integer"]), "data.amount was retyped"),
        (_set("required", ["tip"]), "data.tip is newly required"),
        (_set("properties.amount.maximum", 10), "data.amount takes fewer values: maximum is 10"),
        (_set("properties.balance.minimum", 1), "data.balance takes fewer values: minimum is 1"),
        (_set("properties.store_id.enum", ["a"]), "data.store_id takes fewer values"),
        (_set("properties.store_id.pattern", "a"), "data.store_id has another pattern"),
        (_set("$defs.Allocation.properties.issuer", None), "data.allocations[].issuer was removed"),
        (_set("$defs.Posting.required", ["note"]), "data.postings[].note is newly required"),
        (_set("properties.postings.items", {"type": "string"}), "data.postings[] was retyped"),
    ],
)
def test_what_breaks_a_reader_is_named(change: Change, broken: str) -> None:
    old = schemas.generate()[f"{NAME}.schema.json"]
    new = copy.deepcopy(old)
    change(new)

    assert [problem for problem in breaks(old, new) if problem.startswith(broken)]


@pytest.mark.parametrize(
    "change",
    [
        _set("properties.tip", {"type": "integer"}),
        _set("properties.amount.maximum", 10**13),
        _set("properties.amount.maximum", None),
        _set("properties.amount.description", "other words"),
        _set("properties.store_id.minLength", None),
    ],
)
def test_what_breaks_no_reader_is_allowed(change: Change) -> None:
    old = schemas.generate()[f"{NAME}.schema.json"]
    new = copy.deepcopy(old)
    change(new)

    assert breaks(old, new) == []


def test_a_value_of_a_choice_cannot_be_taken_back() -> None:
    old = schemas.generate()["kembalian.catalog.StoreRegistered.v1.schema.json"]
    fewer, more = copy.deepcopy(old), copy.deepcopy(old)
    fewer["properties"]["kind"]["enum"] = ["store"]
    more["properties"]["kind"]["enum"] += ["kiosk"]

    assert breaks(old, fewer) == ['data.kind no longer takes "reseller"']
    assert breaks(old, more) == []


def resolve(root: dict[str, Any], reference: str) -> Any:
    assert reference.startswith("#/"), reference
    found: Any = root
    for key in reference[2:].split("/"):
        found = found[key]
    return found


def test_the_asyncapi_document_hangs_together() -> None:
    api = document()

    assert api["asyncapi"] == "3.0.0"
    assert "servers" not in api
    for name, channel in api["channels"].items():
        assert channel["address"] == f"kembalian.{name}.v1"
        for message in channel["messages"].values():
            assert resolve(api, message["$ref"])["payload"]["schema"]
    for operation in api["operations"].values():
        assert operation["action"] in {"send", "receive"}
        channel = resolve(api, operation["channel"]["$ref"])
        for message in operation["messages"]:
            assert resolve(api, message["$ref"]) in channel["messages"].values()


def test_every_contract_is_a_message_that_one_service_sends() -> None:
    api = document()
    messages = {m["name"]: m for m in api["components"]["messages"].values()}
    sent = [
        resolve(api, resolve(api, message["$ref"])["$ref"])["name"]
        for operation in api["operations"].values()
        if operation["action"] == "send"
        for message in operation["messages"]
    ]

    assert sorted(sent) == sorted(CONTRACTS) == sorted(messages)
    for name, message in messages.items():
        assert message["headers"]["schema"]["properties"]["ce_type"]["const"] == name
        envelope, narrowed = message["payload"]["schema"]["allOf"]
        assert (schemas.FOLDER / envelope["$ref"]).exists()
        assert (schemas.FOLDER / narrowed["properties"]["data"]["$ref"]).exists()


def test_the_document_says_partitions_and_retention() -> None:
    kafka = document()["channels"]["wallet"]["bindings"]["kafka"]

    assert kafka["partitions"] == WALLET.partitions == 8
    assert kafka["topicConfiguration"]["retention.ms"] == -1


def test_the_readers_are_services() -> None:
    operations = document()["operations"]

    assert set(READERS) == {"wallet-ledger", "settlement"}
    assert "settlement.receive.wallet" in operations
    assert "settlement.send" not in operations  # it has no events of its own yet

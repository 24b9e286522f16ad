"""JSON Schemas of all contracts and the AsyncAPI document, generated from the contracts.

`python -m events.schemas` writes libs/events/schemas; with `--check` it writes nothing and fails
where that folder is not what the contracts say. Both refuse a contract that takes back what its
committed schema promised: such a change needs a new versioned name.
"""

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from events.asyncapi import document
from events.compatibility import breaks
from events.contracts import CONTRACTS, PublicEvent
from events.envelope import CloudEvent

FOLDER = Path(__file__).parents[2] / "schemas"
SUFFIX = ".schema.json"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_of(contract: type[BaseModel], urn: str) -> dict[str, Any]:
    """Return the JSON Schema 2020-12 of a contract's `data`; its id is the event's `dataschema`."""
    schema = contract.model_json_schema()
    for part in (schema, *schema.get("$defs", {}).values()):
        for value in part.get("properties", {}).values():
            value.pop("title", None)  # pydantic's repetition of the name
    return {"$schema": DIALECT, "$id": urn, **schema}


def generate(contracts: dict[str, type[PublicEvent]] = CONTRACTS) -> dict[str, dict[str, Any]]:
    """Return what the folder should hold: file name -> document."""
    files = {
        f"{name}{SUFFIX}": schema_of(contract, f"urn:{name.replace('.', ':')}")
        for name, contract in contracts.items()
    }
    files[f"cloudevent{SUFFIX}"] = schema_of(CloudEvent, "urn:kembalian:cloudevent")
    files["asyncapi.json"] = document()
    return files


def text_of(generated: dict[str, Any]) -> str:
    """Return a document as it is committed."""
    return json.dumps(generated, indent=2, ensure_ascii=False) + "\n"


def incompatible(folder: Path, files: dict[str, dict[str, Any]]) -> list[str]:
    """Return every way in which the contracts break a committed schema."""
    problems: list[str] = []
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        if path.name not in files:
            problems.append(f"{path.name}: an event that was published once is published for ever")
            continue
        committed = json.loads(path.read_text(encoding="utf-8"))
        found = breaks(committed, files[path.name])
        problems += [f"{path.name}: {what}; give it a new version" for what in found]
    return problems


def drift(folder: Path, files: dict[str, dict[str, Any]]) -> list[str]:
    """Return the files that are missing, differ or are not generated any more."""
    present = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.json")}
    names = sorted(present.keys() | files.keys())
    wanted = {name: text_of(content) for name, content in files.items()}
    return [name for name in names if present.get(name) != wanted.get(name)]


def write(folder: Path, files: dict[str, dict[str, Any]]) -> None:
    """Write all files."""
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(text_of(content), encoding="utf-8")


def main(arguments: list[str], folder: Path = FOLDER) -> int:
    """Write or check the folder; return the exit code: 0 = all is well, 1 = not."""
    files = generate()
    problems = incompatible(folder, files)
    if not problems and "--check" in arguments:
        problems = [
            f"{name}: not what the contracts say; run python -m events.schemas"
            for name in drift(folder, files)
        ]
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    if not problems and "--check" not in arguments:
        write(folder, files)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""What a published contract may never do: take back what readers of its schema rely on."""

import json
from collections.abc import Iterator
from typing import Any, TypeAlias, cast

Schema: TypeAlias = dict[str, Any]

UPPER_BOUNDS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")
LOWER_BOUNDS = ("minimum", "exclusiveMinimum", "minLength", "minItems")


def breaks(old: Schema, new: Schema) -> list[str]:
    """Return what `new` breaks of `old`, two JSON Schemas of one versioned name; [] = nothing.

    Broken is a property that was removed, retyped or is newly required, and a value that was
    allowed and is refused now: events of the old kind stay in the log for ever.
    """
    return list(_breaks(old, old, new, new, "data"))


def _breaks(
    old_root: Schema, old: Schema, new_root: Schema, new: Schema, path: str
) -> Iterator[str]:
    old, new = _resolved(old_root, old), _resolved(new_root, new)
    if old.get("type") != new.get("type"):
        yield f"{path} was retyped: {old.get('type')} to {new.get('type')}"
        return
    yield from _refused_values(old, new, path)
    properties = cast("dict[str, Schema]", new.get("properties", {}))
    for name, schema in cast("dict[str, Schema]", old.get("properties", {})).items():
        if name not in properties:
            yield f"{path}.{name} was removed"
        else:
            yield from _breaks(old_root, schema, new_root, properties[name], f"{path}.{name}")
    for name in new.get("required", []):
        if name not in old.get("required", []):
            yield f"{path}.{name} is newly required"
    if "items" in old:
        yield from _breaks(old_root, old["items"], new_root, new.get("items", {}), f"{path}[]")


def _refused_values(old: Schema, new: Schema, path: str) -> Iterator[str]:
    for word in ("enum", "const", "anyOf"):
        if word in new and (refused := _choices(old, word) - _choices(new, word)):
            yield f"{path} no longer takes {', '.join(sorted(refused))}"
        elif word in new and word not in old:
            yield f"{path} takes fewer values: {word} is new"
    for words, sign in ((UPPER_BOUNDS, 1), (LOWER_BOUNDS, -1)):
        for word in words:
            if word in new and (word not in old or sign * new[word] < sign * old[word]):
                yield f"{path} takes fewer values: {word} is {new[word]}, was {old.get(word)}"
    if new.get("pattern", old.get("pattern")) != old.get("pattern"):
        yield f"{path} has another pattern"
    if new.get("additionalProperties") is False and old.get("additionalProperties") is not False:
        yield f"{path} no longer takes further properties"


def _choices(schema: Schema, word: str) -> set[str]:
    """Return the values or alternatives of `word`, each as canonical text."""
    found: Any = schema.get(word, [])
    choices = cast("list[Any]", found if isinstance(found, list) else [found])
    return {json.dumps(choice, sort_keys=True) for choice in choices}


def _resolved(root: Schema, schema: Schema) -> Schema:
    reference = schema.get("$ref")
    return root["$defs"][reference.rpartition("/")[2]] if reference else schema

"""One OpenAPI document out of every service's own: pure, the same input gives the same union."""

import json
from collections.abc import Mapping
from typing import cast

from gateway.routing import Service, service_for

Json = dict[str, object]
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
API_PREFIX = "/api/v1/"
BEARER: Json = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


class MalformedDocument(ValueError):
    """What a service gave as its OpenAPI document is none."""


def parse(body: bytes) -> Json:
    """Return the document in `body`. Raises MalformedDocument."""
    try:
        document: object = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedDocument("not JSON") from error
    if not isinstance(document, dict) or not isinstance(
        _get(cast("Json", document), "paths"), dict
    ):
        raise MalformedDocument("not an OpenAPI document")
    return cast("Json", document)


def merge(documents: Mapping[Service, Json]) -> Json:
    """Return the union of the public calls: paths that the gateway routes to the one who tells.

    Components that services define differently under one name get the service's name before it.
    """
    paths: Json = {}
    components: dict[str, Json] = {}
    for service in sorted(documents):
        renamed = _unclashed(service, documents)
        for path, item in sorted(_member(renamed, "paths").items()):
            if path.startswith(API_PREFIX) and service_for(_example(path)) is service:
                paths[path] = _public_item(cast("Json", item), service)
        for section, definitions in _member(renamed, "components").items():
            if section != "securitySchemes":
                components.setdefault(section, {}).update(cast("Json", definitions))
    components["securitySchemes"] = {"bearer": BEARER}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Kembalian", "version": "1"},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "paths": dict(sorted(paths.items())),
        "components": {name: dict(sorted(components[name].items())) for name in sorted(components)},
    }


def _unclashed(service: Service, documents: Mapping[Service, Json]) -> Json:
    """Return the service's document with its clashing components renamed, references included."""
    document = documents[service]
    prefix = "".join(word.capitalize() for word in service.split("-"))
    new_names: dict[tuple[str, str], str] = {}
    for section, definitions in _member(document, "components").items():
        for name, definition in cast("Json", definitions).items():
            others = (
                _get(_member(_member(other, "components"), section), name)
                for other in documents.values()
            )
            if any(other is not None and other != definition for other in others):
                new_names[section, name] = prefix + name
    components: Json = {
        section: {
            new_names.get((section, name), name): definition
            for name, definition in cast("Json", definitions).items()
        }
        for section, definitions in _member(document, "components").items()
    }
    references = {
        f"#/components/{section}/{name}": f"#/components/{section}/{new_name}"
        for (section, name), new_name in new_names.items()
    }
    return cast("Json", _repointed({**document, "components": components}, references))


def _repointed(node: object, references: Mapping[str, str]) -> object:
    """Return a copy of the tree in which references that were renamed point to the new name."""
    match node:
        case dict():
            return {key: _repointed(value, references) for key, value in cast("Json", node).items()}
        case list():
            return [_repointed(value, references) for value in cast("list[object]", node)]
        case str():
            return references.get(node, node)
        case _:
            return node


def _public_item(item: Json, service: Service) -> Json:
    """Return a path item whose calls are listed under their service, and know only our security."""

    def call(value: Json) -> Json:
        kept = {name: part for name, part in value.items() if name != "security" or part == []}
        return {"tags": [service.value], **kept}

    return {
        key: call(cast("Json", value)) if key in METHODS else value for key, value in item.items()
    }


def _example(path: str) -> bytes:
    """Return a path that fits the template: `/stores/{store_id}` becomes `/stores/x`."""
    segments = ("x" if "{" in segment else segment for segment in path.split("/"))
    return "/".join(segments).encode("utf-8")


def _get(node: Json, name: str) -> object:
    """Return what `node` holds under `name`, or None."""
    return node.get(name)


def _member(node: Json, name: str) -> Json:
    """Return the object under `name`, empty if there is none."""
    value = node.get(name)
    return cast("Json", value) if isinstance(value, dict) else {}

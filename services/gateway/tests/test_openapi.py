"""Merging OpenAPI documents: pure."""

from typing import Any, cast

import pytest

from gateway.openapi import Json, MalformedDocument, merge, parse
from gateway.routing import Service


def document(paths: Json, schemas: Json | None = None) -> Json:
    """Return a service's document."""
    schemes = {"HTTPBearer": {"type": "http", "scheme": "bearer"}}
    return {"paths": paths, "components": {"schemas": schemas or {}, "securitySchemes": schemes}}


def test_a_path_is_told_by_the_service_that_the_gateway_asks() -> None:
    merged = merge(
        {
            Service.CATALOG: document(
                {"/api/v1/stores/{store_id}": {}, "/api/v1/stores/{store_id}/transactions": {}}
            ),
            Service.SETTLEMENT: document({"/api/v1/stores/{store_id}/transactions": {"get": {}}}),
        }
    )

    assert merged["paths"] == {
        "/api/v1/stores/{store_id}": {},
        "/api/v1/stores/{store_id}/transactions": {"get": {"tags": ["settlement"]}},
    }


@pytest.mark.parametrize("path", ["/internal/stores", "/livez", "/api/v1/unrouted"])
def test_what_is_not_public_is_not_told(path: str) -> None:
    assert merge({Service.CATALOG: document({path: {"get": {}}})})["paths"] == {}


def test_equal_components_are_shared() -> None:
    page: Json = {"Page": {"type": "object"}}

    merged = merge({Service.CATALOG: document({}, page), Service.SETTLEMENT: document({}, page)})

    assert cast("Any", merged["components"])["schemas"] == page


def test_components_that_clash_get_their_service_s_name() -> None:
    def path(ref: str, **more: object) -> Json:
        responses = {"200": {"content": {"x": {"schema": {"$ref": ref}}}}}
        return {"get": {"responses": responses, **more}}

    ref = "#/components/schemas/Page"
    merged = cast(
        "Any",
        merge(
            {
                Service.CATALOG: document(
                    {"/api/v1/stores": path(ref)}, {"Page": {"items": {"$ref": ref}}}
                ),
                Service.WALLET_LEDGER: document(
                    {"/api/v1/pos/change": path(ref)}, {"Page": {"type": "string"}}
                ),
            }
        ),
    )

    assert merged["components"]["schemas"] == {
        "CatalogPage": {"items": {"$ref": "#/components/schemas/CatalogPage"}},
        "WalletLedgerPage": {"type": "string"},
    }
    assert merged["paths"] == {
        "/api/v1/pos/change": path("#/components/schemas/WalletLedgerPage", tags=["wallet-ledger"]),
        "/api/v1/stores": path("#/components/schemas/CatalogPage", tags=["catalog"]),
    }


def test_there_is_one_security_scheme_and_a_free_call_stays_free() -> None:
    merged = cast(
        "Any",
        merge(
            {
                Service.CATALOG: document(
                    {
                        "/api/v1/stores": {
                            "get": {"security": []},
                            "post": {"security": [{"HTTPBearer": []}]},
                        }
                    }
                )
            }
        ),
    )

    assert merged["security"] == [{"bearer": []}]
    stores = merged["paths"]["/api/v1/stores"]
    assert stores == {"get": {"tags": ["catalog"], "security": []}, "post": {"tags": ["catalog"]}}
    assert list(merged["components"]["securitySchemes"]) == ["bearer"]


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b'{"paths":[]}', b"[" * 100_000])
def test_what_is_no_document_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedDocument):
        parse(body)

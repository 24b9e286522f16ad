"""The routing table: who answers what, and what nobody does."""

import pytest

from gateway.routing import Service, service_for


@pytest.mark.parametrize(
    ("path", "service"),
    [
        (b"/.well-known/jwks.json", Service.IDENTITY),
        (b"/api/v1/auth/token", Service.IDENTITY),
        (b"/api/v1/members/me", Service.IDENTITY),
        (b"/api/v1/cashiers", Service.IDENTITY),
        (b"/api/v1/operators/rani", Service.IDENTITY),
        (b"/api/v1/cards/1234/barcode.svg", Service.IDENTITY),
        (b"/api/v1/stores", Service.CATALOG),
        (b"/api/v1/stores/", Service.CATALOG),
        (b"/api/v1/stores/kantin", Service.CATALOG),
        (b"/api/v1/stores/transactions", Service.CATALOG),
        (b"/api/v1/stores/kantin/transactions", Service.SETTLEMENT),
        (b"/api/v1/stores/a%20b/transactions", Service.SETTLEMENT),
        (b"/api/v1/products", Service.CATALOG),
        (b"/api/v1/pos/change", Service.WALLET_LEDGER),
        (b"/api/v1/wallets/me/transactions", Service.WALLET_LEDGER),
        (b"/api/v1/ledger/batch", Service.WALLET_LEDGER),
        (b"/api/v1/reports/receivables", Service.SETTLEMENT),
        (b"/api/v1/settlement/positions", Service.SETTLEMENT),
    ],
)
def test_a_public_path_has_one_service(path: bytes, service: Service) -> None:
    assert service_for(path) is service


@pytest.mark.parametrize(
    "path",
    [
        b"",
        b"*",
        b"/",
        b"/api/v1",
        b"/api/v1/",
        b"/api/v2/stores",
        b"/api/v1/storesx",
        b"/API/v1/stores",
        b"/internal/token",
        b"/internal/stores",
        b"/%69nternal/token",
        b"//internal/token",
        b"/api/v1/stores//internal",
        b"//api/v1/stores",
        b"/api/v1/stores/../internal",
        b"/api/v1/stores/..",
        b"/api/v1/stores/./kantin",
        b"/api/v1/stores/%2e%2e/internal",
        b"/api/v1/stores/%2E./internal",
        b"/api/v1/stores/.%2e",
        b"/api/v1/stores/..%2finternal",
        b"/api/v1/stores/a%2Ftransactions",
        b"/api/v1/stores/a%5ctransactions",
        b"/api/v1/stores/a\\b",
        b"/api/v1/stores/a%00",
        b"/api/v1/stores/a%0a",
        b"/api/v1/stores/%",
        b"/api/v1/stores/%zz",
        b"/api/v1/stores/\xff",
        b"/api/v1/%73tores",
        b"/api/v1;x/stores",
        b"http://catalog/api/v1/stores",
        b"/api/v1/stores/" + b"a" * 5000,
    ],
)
def test_what_could_be_read_in_two_ways_or_is_not_public_has_none(path: bytes) -> None:
    assert service_for(path) is None

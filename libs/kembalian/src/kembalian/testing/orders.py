"""The service that takes orders, as far as the ledger knows it: holds and what becomes of them."""

import secrets
from typing import Any

import httpx

from kembalian.launcher.services import COMMAND_CLIENT
from kembalian.testing.house import RunningHouse

PATIENCE_SECONDS = 30


class Orders:
    """Calls wallet-ledger's internal API with a service's token."""

    def __init__(self, house: RunningHouse) -> None:
        live = house.live()
        secret = live.home.service_secret_path(COMMAND_CLIENT).read_text(encoding="utf-8").strip()
        credentials = {"client_id": COMMAND_CLIENT, "client_secret": secret}
        answer = httpx.post(f"{live.urls['identity']}/internal/token", json=credentials)
        assert answer.status_code == 200, answer.text
        self._headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        self._url = f"{live.urls['wallet-ledger']}/internal/wallets"

    def hold(
        self, member_id: str, payment_id: str, parts: dict[str, int], seconds: int = 600
    ) -> httpx.Response:
        """Set aside (store id -> rupiah)."""
        body = {
            "payment_id": payment_id,
            "order_id": f"order-{payment_id}",
            "parts": _parts(parts),
            "expires_in": seconds,
        }
        return self._post(f"{member_id}/holds", body)

    def confirm(
        self, member_id: str, payment_id: str, parts: dict[str, int] | None = None
    ) -> httpx.Response:
        """Debit what is held, all of it or (store id -> rupiah)."""
        body = {} if parts is None else {"parts": _parts(parts)}
        return self._post(f"{member_id}/holds/{payment_id}/confirm", body)

    def release(self, member_id: str, payment_id: str) -> httpx.Response:
        """Let go of what is held."""
        return self._post(f"{member_id}/holds/{payment_id}/release", None)

    def refund(
        self, member_id: str, payment_id: str, store_id: str, amount: int, key: str | None = None
    ) -> httpx.Response:
        """Bring money of one store's part back."""
        body = {"store_id": store_id, "amount": amount}
        return self._post(f"{member_id}/holds/{payment_id}/refund", body, key)

    def payment(self, member_id: str, payment_id: str) -> dict[str, Any]:
        """Return a payment as it stands."""
        answer = httpx.get(f"{self._url}/{member_id}/holds/{payment_id}", headers=self._headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def _post(self, path: str, body: object, key: str | None = None) -> httpx.Response:
        headers = {**self._headers, "Idempotency-Key": key or secrets.token_hex(8)}
        return httpx.post(
            f"{self._url}/{path}", json=body, headers=headers, timeout=PATIENCE_SECONDS
        )


def _parts(parts: dict[str, int]) -> list[dict[str, object]]:
    return [{"store_id": store_id, "amount": amount} for store_id, amount in parts.items()]

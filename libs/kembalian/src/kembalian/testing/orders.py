"""The service that takes orders, as far as the ledger knows it: holds and what becomes of them."""

import secrets
from typing import Any

import httpx

from kembalian.launcher.services import COMMAND_CLIENT, LEDGER
from kembalian.testing.house import RunningHouse

PATIENCE_SECONDS = 30


class Orders:
    """Calls wallet-ledger's internal API with a service's token.

    Every process of it is asked in turn, so that one that is away does not matter, and where it is
    now: another launcher starts it elsewhere.
    """

    def __init__(self, house: RunningHouse, client: httpx.Client | None = None) -> None:
        self._house = house
        secret = (
            house.live()
            .home.service_secret_path(COMMAND_CLIENT)
            .read_text(encoding="utf-8")
            .strip()
        )
        self._credentials = {"client_id": COMMAND_CLIENT, "client_secret": secret}
        self._client = client or house.client
        self._asked = 0
        self._headers: dict[str, str] = {}
        assert self.log_in()

    def log_in(self) -> bool:
        """Get a token that begins now; tell whether there was one to be had."""
        identity = self._house.live().urls["identity"]
        try:
            answer = self._client.post(f"{identity}/internal/token", json=self._credentials)
        except httpx.TransportError:
            return False
        if answer.is_success:
            self._headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        return answer.is_success

    def hold(
        self, member_id: str, payment_id: str, parts: dict[str, int], seconds: int = 600
    ) -> httpx.Response:
        """Set aside (store id -> rupiah)."""
        return self.post(f"{member_id}/holds", hold_of(payment_id, parts, seconds))

    def confirm(
        self, member_id: str, payment_id: str, parts: dict[str, int] | None = None
    ) -> httpx.Response:
        """Debit what is held, all of it or (store id -> rupiah)."""
        body = {} if parts is None else {"parts": parts_of(parts)}
        return self.post(f"{member_id}/holds/{payment_id}/confirm", body)

    def release(self, member_id: str, payment_id: str) -> httpx.Response:
        """Let go of what is held."""
        return self.post(f"{member_id}/holds/{payment_id}/release")

    def refund(
        self, member_id: str, payment_id: str, store_id: str, amount: int, key: str | None = None
    ) -> httpx.Response:
        """Bring money of one store's part back."""
        body = {"store_id": store_id, "amount": amount}
        return self.post(f"{member_id}/holds/{payment_id}/refund", body, key)

    def payment(self, member_id: str, payment_id: str) -> dict[str, Any]:
        """Return a payment as it stands."""
        answer = self.look(f"{member_id}/holds/{payment_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def look(self, path: str) -> httpx.Response:
        """GET a path under all wallets."""
        return self._client.get(f"{self._next()}/{path}", headers=self._headers)

    def post(
        self,
        path: str,
        body: object = None,
        key: str | None = None,
        timeout: float = PATIENCE_SECONDS,
    ) -> httpx.Response:
        """POST to a path under all wallets under `key` (default: a new one); seconds."""
        headers = {**self._headers, "Idempotency-Key": key or secrets.token_hex(8)}
        return self._client.post(
            f"{self._next()}/{path}", json=body, headers=headers, timeout=timeout
        )

    def _next(self) -> str:
        self._asked += 1
        urls = self._house.live().urls
        ledgers = [url for name, url in urls.items() if name.startswith(LEDGER)]
        return ledgers[self._asked % len(ledgers)] + "/internal/wallets"


def hold_of(payment_id: str, parts: dict[str, int], seconds: int) -> dict[str, Any]:
    """Return the body of a request for a hold of (store id -> rupiah)."""
    return {
        "payment_id": payment_id,
        "order_id": f"order-{payment_id}",
        "parts": parts_of(parts),
        "expires_in": seconds,
    }


def parts_of(parts: dict[str, int]) -> list[dict[str, Any]]:
    """Return (store id -> rupiah) as requests have it."""
    return [{"store_id": store_id, "amount": amount} for store_id, amount in parts.items()]

"""Settings of the gateway, `KEMBALIAN_*`."""

from pydantic import Field

from gateway.routing import Service
from web.settings import ServiceSettings


class Settings(ServiceSettings):
    """Where the services are, and how much the gateway takes on at a time."""

    gateway_open_max: int = Field(default=1024, gt=0)
    """Requests in hand at a time, their bodies (1 MiB at most) included."""

    gateway_in_flight_max: int = Field(default=256, gt=0)
    """Requests to one service at a time, so that a slow one does not take all there is."""

    gateway_answer_seconds_max: float = Field(default=15.0, gt=0)
    """How long a service may take for a whole answer (a long one: for each further part)."""

    gateway_body_seconds_max: float = Field(default=15.0, gt=0)
    """How long a client may take to send its body."""

    gateway_trusted_proxies: str = ""
    """Addresses (with commas) of the proxies before us whose X-Forwarded-For is believed."""

    gateway_ledger_urls: str = ""
    """All processes of wallet-ledger (with commas), where there is more than the one it knows."""

    def urls_of(self, service: Service) -> list[str]:
        """Return the root URLs of the processes of `service`: any of them will do."""
        ledgers = [url.strip() for url in self.gateway_ledger_urls.split(",") if url.strip()]
        return {
            Service.IDENTITY: [self.identity_url],
            Service.CATALOG: [self.catalog_url],
            Service.WALLET_LEDGER: ledgers or [self.wallet_ledger_url],
            Service.SETTLEMENT: [self.settlement_url],
        }[service]

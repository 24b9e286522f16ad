"""Fixtures: fakes of all services, and a gateway before them."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from gateway.app import create_app
from gateway.config import Settings
from gateway.routing import Service
from gateway.testing import FakeService, Running, running

Fakes = dict[Service, FakeService]


@pytest.fixture
async def services() -> AsyncGenerator[Fakes]:
    """A fake of every service, all in good health."""
    async with AsyncExitStack() as stack:
        yield {
            service: await stack.enter_async_context(FakeService().serving()) for service in Service
        }


@pytest.fixture
def settings(services: Fakes, tmp_path: Path) -> Settings:
    """Settings that name the fakes."""
    secret = tmp_path / "gateway"
    secret.write_text("secret of the gateway\n")
    return Settings(
        identity_url=services[Service.IDENTITY].url,
        catalog_url=services[Service.CATALOG].url,
        wallet_ledger_url=services[Service.WALLET_LEDGER].url,
        settlement_url=services[Service.SETTLEMENT].url,
        service_secret_file=secret,
        gateway_in_flight_max=8,
        gateway_open_max=16,
    )


@pytest.fixture
async def gateway(settings: Settings) -> AsyncGenerator[Running]:
    """The gateway on loopback."""
    async with running(create_app(settings)) as serving:
        yield serving


@pytest.fixture
async def impatient(settings: Settings) -> AsyncGenerator[Running]:
    """A gateway that waits for nothing longer than a second."""
    seconds = {"gateway_answer_seconds_max": 1.0, "gateway_body_seconds_max": 1.0}
    async with running(create_app(settings.model_copy(update=seconds))) as serving:
        yield serving

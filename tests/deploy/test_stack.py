"""A deployment from nothing, as deploy/README.md says it: the Compose file's own words, no Docker."""

import json
import re
import subprocess
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import pytest

from kembalian.testing.compose_stack import ComposeStack, compose_stack
from kembalian.testing.deployment import Deployment, make_secrets, require_broker, servers
from kembalian.testing.secured_kafka import START, SecuredKafka

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PASSWORD = "a long password"
SERVICES = ["identity", "catalog", "wallet-ledger", "settlement", "gateway"]
PATIENCE_SECONDS = 60.0
PERIOD = {"from": "2026-01-01", "to": "2099-12-31"}


@pytest.fixture(scope="module")
def grounds() -> Generator[Deployment]:
    require_broker()
    with servers() as made:
        yield made


@pytest.fixture(scope="module")
def stack(
    grounds: Deployment, tmp_path_factory: pytest.TempPathFactory
) -> Generator[ComposeStack]:
    """The services, started before the start-up job would let them, and the job."""
    with compose_stack(grounds, tmp_path_factory.mktemp("stack")) as made:
        yield made


@pytest.fixture(scope="module")
def door(stack: ComposeStack) -> Generator[httpx.Client]:
    with httpx.Client(base_url=f"{stack.url}/api/v1", timeout=10) as client:
        yield client


def post(door: httpx.Client, token: str, path: str, **body: Any) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {token}", "idempotency-key": f"{path}-{sorted(body)}"}
    answer = door.post(path, json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.json()


def login(door: httpx.Client, username: str, password: str = PASSWORD) -> str:
    answer = door.post("/auth/token", json={"username": username, "password": password})
    assert answer.status_code == 200, answer.text
    return answer.json()["access_token"]


def test_a_service_whose_start_up_job_has_not_run_refuses_and_says_why(
    stack: ComposeStack, grounds: Deployment, tmp_path: Path
) -> None:
    """Everything is made, but one topic is not: catalog ends, with the reason in its log."""
    done = stack.run("setup")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("set up\n")


def test_a_deployment_serves_its_members_from_nothing(
    stack: ComposeStack, door: httpx.Client
) -> None:
    for service in SERVICES:
        stack.start(service)
    until_ready(stack)

    made = stack.run(
        "identity", "kembalian", "bootstrap-admin", "--password-file", "-", stdin=f"{PASSWORD}\n"
    )
    again = stack.run("identity", "kembalian", "bootstrap-admin")
    assert made.stdout == "admin may log in as admin.\n", made.stderr
    assert again.returncode == 2

    admin = login(door, "admin")
    for store in ("kantin", "fotokopi"):
        post(door, admin, "/stores", store_id=store, name=store, address="Gedung A")
        cashier = {"cashier_id": f"kasir-{store}", "name": "Ani", "store_id": store}
        post(door, admin, "/cashiers", **cashier, password=PASSWORD)


def until_ready(stack: ComposeStack) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not httpx.get(f"{stack.url}/readyz", timeout=10).is_success:
        assert time.monotonic() < deadline, stack.logs()
        time.sleep(0.2)

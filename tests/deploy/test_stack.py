"""A deployment from nothing, as deploy/README.md says it: the Compose file's words, no Docker."""

import json
import secrets
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from kembalian.testing.compose_stack import ComposeStack, compose_stack
from kembalian.testing.deployment import Deployment, make_secrets, require_broker, servers

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PASSWORD = "a long password"
SERVICES = ["identity", "catalog", "wallet-ledger", "settlement", "gateway"]
STORES = ["kantin", "fotokopi"]
CARD = "4711"
MEMBER = {
    "name": "Handika",
    "address": "Gedung B",
    "identity_number": "5171",
    "auto_save_consent": True,
    "card_number": CARD,
}
PERIOD = {"from": "2026-01-01", "to": "2099-12-31"}
PATIENCE_SECONDS = 90.0


@dataclass
class Campus:
    """Two stores, their cashiers and a member, all made through the gateway of a deployment."""

    stack: ComposeStack
    grounds: Deployment
    door: httpx.Client
    tokens: dict[str, str] = field(default_factory=dict[str, str])

    def login(self, username: str) -> None:
        answer = self.door.post("/auth/token", json={"username": username, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        self.tokens[username] = answer.json()["access_token"]

    def post(self, who: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {
            "authorization": f"Bearer {self.tokens[who]}",
            "idempotency-key": secrets.token_hex(8),
        }
        answer = self.door.post(path, json=body, headers=headers)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def liabilities(self, at_least: str) -> list[tuple[str, str, int]]:
        """Return what the canteen owes: (debtor, creditor, rupiah)."""
        answer = self.door.get(
            "/reports/liabilities",
            params={"store_id": "kantin", "at_least": at_least, **PERIOD},
            headers={"authorization": f"Bearer {self.tokens['admin']}"},
        )
        assert answer.status_code == 200, answer.text
        return [(row["debtor"], row["creditor"], row["amount"]) for row in answer.json()["rows"]]

    def save_and_spend(self, rupiah: int) -> str:
        """Save change at the canteen, spend all of it at the copy shop; return the place."""
        sale = {"card_number": CARD, "sale_total": 10_000 - rupiah, "tendered": 10_000}
        saved = self.post("kasir-kantin", "/pos/change", {**sale, "save": True})
        assert saved["saved"] == rupiah
        spent = self.post(
            "kasir-fotokopi", "/pos/redemptions", {"card_number": CARD, "amount": rupiah}
        )
        assert spent["allocations"] == [{"issuer": "kantin", "amount": rupiah}]
        return spent["ledger_position"]


@pytest.fixture(scope="module")
def campus(tmp_path_factory: pytest.TempPathFactory) -> Generator[Campus]:
    require_broker()
    with (
        servers() as grounds,
        compose_stack(grounds, tmp_path_factory.mktemp("stack")) as stack,
        httpx.Client(base_url=f"{stack.url}/api/v1", timeout=10) as door,
    ):
        done = stack.run("setup")
        assert done.stdout.endswith("set up\n"), done.stderr
        for service in SERVICES:
            stack.start(service)
        until_ready(stack)
        made = stack.run(
            "identity",
            "kembalian",
            "bootstrap-admin",
            "--password-file",
            "-",
            stdin=f"{PASSWORD}\n",
        )
        assert made.stdout == "admin may log in as admin.\n", made.stderr
        yield furnished(Campus(stack, grounds, door))


def until_ready(stack: ComposeStack) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not httpx.get(f"{stack.url}/readyz", timeout=10).is_success:
        assert time.monotonic() < deadline, stack.logs()
        time.sleep(0.2)


def furnished(campus: Campus) -> Campus:
    """Make stores, cashiers and a member as the first admin would."""
    campus.login("admin")
    for store in STORES:
        campus.post("admin", "/stores", {"store_id": store, "name": store, "address": "Gedung A"})
        cashier = {"cashier_id": f"kasir-{store}", "name": "Ani", "store_id": store}
        campus.post("admin", "/cashiers", {**cashier, "password": PASSWORD})
        campus.login(f"kasir-{store}")
    campus.post("admin", "/members", MEMBER)
    return campus


def test_change_saved_at_one_store_and_spent_at_another_is_owed(campus: Campus) -> None:
    place = campus.save_and_spend(400)

    assert ("kantin", "fotokopi", 400) in campus.liabilities(place)


def test_a_second_first_admin_is_refused(campus: Campus) -> None:
    again = campus.stack.run("identity", "kembalian", "bootstrap-admin")

    assert again.returncode == 2
    assert "admin has the role admin already" in again.stderr


def test_the_operators_command_sees_all_and_finds_nothing_wrong(campus: Campus) -> None:
    campus.save_and_spend(300)

    status = campus.stack.run("operator", "status", "--json")
    verified = campus.stack.run("operator", "verify", "--json")

    assert {log["service"] for log in json.loads(status.stdout)["logs"]} == set(SERVICES[:4])
    assert json.loads(verified.stdout)["findings"] == [], verified.stdout
    assert json.loads(verified.stdout)["lag"] == {}


def test_the_operators_command_rebuilds_a_view_of_a_service_that_runs(campus: Campus) -> None:
    campus.save_and_spend(200)

    rebuilt = campus.stack.run("operator", "rebuild", "settlement", "--yes", "--json")

    assert rebuilt.returncode == 0, rebuilt.stderr
    assert json.loads(rebuilt.stdout)["rows"] > 0


def test_the_start_up_job_runs_again_beside_services_that_work(campus: Campus) -> None:
    done = campus.stack.run("setup")
    place = campus.save_and_spend(100)

    assert done.returncode == 0, done.stderr
    assert "of which 0 were missing" in done.stdout
    assert ("kantin", "fotokopi", 100) in campus.liabilities(place)


def test_the_start_up_jobs_password_can_be_made_anew(campus: Campus) -> None:
    make_secrets(campus.grounds.settings.secrets_dir, "kafka-setup")

    campus.grounds.broker.run_script("new-setup-password.sh")

    done = campus.stack.run("setup")
    assert done.returncode == 0, done.stderr

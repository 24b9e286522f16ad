"""The Compose file, read as Docker would: what it names exists, and it gives away nothing."""

import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from kembalian.grounds.kafka_jars import KAFKA_VERSION
from kembalian.grounds.postgres import SIZES
from kembalian.launcher.services import SERVICES
from kembalian.setup.access import ACCESS, SETUP
from kembalian.testing.deployment import make_secrets
from kembalian.testing.secured_container import GIVEN
from kembalian.testing.secured_kafka import DEPLOY, PROPERTIES, START

REPOSITORY = DEPLOY.parent
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "docker-compose.yml").read_text())
CONTAINERS: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
NAMES = sorted(CONTAINERS)
OURS = [name for name in NAMES if name not in {"postgres", "kafka"}]
MAKES_ONCE = {"setup", "operator"}


def secrets_of(name: str) -> dict[str, str]:
    """Return where a container finds its secrets: path -> name."""
    found: dict[str, str] = {}
    for secret in CONTAINERS[name].get("secrets", []):
        if isinstance(secret, str):
            found[f"/run/secrets/{secret}"] = secret
        else:
            found[secret["target"]] = secret["source"]
    return found


def test_every_service_of_the_house_is_a_container() -> None:
    assert set(NAMES) == {service.name for service in SERVICES} | {
        *("postgres", "kafka", "setup", "operator"),
    }
    for service in SERVICES:
        assert CONTAINERS[service.name]["command"] == ["python", "-m", service.package]


def test_every_principal_of_the_table_is_a_container_with_its_password_alone() -> None:
    assert {*ACCESS, SETUP} < set(NAMES)
    for principal in ACCESS:
        kafka = {name for name in secrets_of(principal).values() if name.startswith("kafka-")}
        assert kafka == {f"kafka-{principal}"}


@pytest.mark.parametrize("name", NAMES)
def test_what_a_container_names_is_there(name: str) -> None:
    container = CONTAINERS[name]
    for other in container.get("depends_on", {}):
        assert other in CONTAINERS
    assert set(container["networks"]) <= set(COMPOSE["networks"])
    assert set(secrets_of(name).values()) <= set(COMPOSE["secrets"])
    for volume in container.get("volumes", []):
        source = volume.split(":")[0]
        assert (
            (DEPLOY / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]
        )
    for value in container.get("environment", {}).values():
        if value.startswith(("/run/secrets/", "/run/service-secrets/")):
            assert value in secrets_of(name)


def test_every_secret_and_volume_is_used() -> None:
    used = {secret for name in NAMES for secret in secrets_of(name).values()}
    mounted = {v.split(":")[0] for name in NAMES for v in CONTAINERS[name].get("volumes", [])}

    assert used == set(COMPOSE["secrets"])
    assert set(COMPOSE["volumes"]) < mounted


def test_make_secrets_makes_exactly_the_files_that_are_named_and_never_again(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "secrets"
    make_secrets(folder)
    made = {path.name: path.read_text() for path in folder.iterdir()}

    assert set(made) == set(COMPOSE["secrets"])
    assert {f"secrets/{name}" for name in made} == {s["file"] for s in COMPOSE["secrets"].values()}
    assert len(set(made.values())) == len(made)
    assert isinstance(
        load_pem_private_key(made["checkpoint-key"].encode(), None), Ed25519PrivateKey
    )
    passwords = [secret for name, secret in made.items() if name != "checkpoint-key"]
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", password) for password in passwords)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    # Whatever user a container has: its own, or that of the person who wants an export's file.
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o444}
    assert make_secrets(folder) == ""
    make_secrets(folder, "kafka-setup")
    assert {path.name for path in folder.iterdir() if path.read_text() != made[path.name]} == {
        "kafka-setup"
    }


def test_the_key_that_signs_is_never_made_anew_by_accident(tmp_path: Path) -> None:
    make_secrets(tmp_path)
    known = (tmp_path / "checkpoint-key").read_bytes()

    with pytest.raises(subprocess.CalledProcessError):
        make_secrets(tmp_path, "checkpoint-key")
    assert (tmp_path / "checkpoint-key").read_bytes() == known


def test_only_the_gateway_is_published_and_on_loopback_unless_told() -> None:
    assert [name for name in NAMES if "ports" in CONTAINERS[name]] == ["gateway"]
    assert CONTAINERS["gateway"]["ports"] == ["${KEMBALIAN_PUBLISH:-127.0.0.1:8080}:8000"]
    assert not any("network_mode" in CONTAINERS[name] for name in NAMES)


def test_only_the_gateway_meets_the_outside_and_it_meets_neither_database_nor_broker() -> None:
    inside = {name for name, network in COMPOSE["networks"].items() if network.get("internal")}
    outside = [name for name in NAMES if set(CONTAINERS[name]["networks"]) - inside]

    assert outside == ["gateway"]
    assert not {"data", "broker"} & set(CONTAINERS["gateway"]["networks"])
    assert CONTAINERS["postgres"]["networks"] == ["data"]
    assert CONTAINERS["kafka"]["networks"] == ["broker"]


@pytest.mark.parametrize("name", NAMES)
def test_no_secret_stands_in_an_environment(name: str) -> None:
    for variable, value in CONTAINERS[name].get("environment", {}).items():
        if re.search("PASSWORD|SECRET", variable):
            assert value.startswith(("/run/secrets", "/run/service-secrets")), variable
        assert not re.search("://[^/@]*:[^/@]*@", value), "a password in a URL"


@pytest.mark.parametrize("service", [name for name in OURS if name not in MAKES_ONCE])
def test_a_service_is_given_the_role_that_serves_and_nobody_elses(service: str) -> None:
    given = set(secrets_of(service).values())
    databases = {name for name in given if name.startswith("database-")}
    between = {name for name in given if name.startswith("service-")}

    assert databases == (set() if service == "gateway" else {f"database-{service}-app"})
    assert "postgres" not in given
    if service == "identity":  # it knows every client of its own
        assert between == {f"service-{other.name}" for other in SERVICES}
    else:
        assert between == {f"service-{service}"}


@pytest.mark.parametrize("name", NAMES)
def test_every_container_is_bounded_and_cannot_gain_anything(name: str) -> None:
    container = CONTAINERS[name]
    limits = container["deploy"]["resources"]["limits"]

    assert set(limits) == {"cpus", "memory", "pids"}
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert container["restart"] == ("no" if name in MAKES_ONCE else "unless-stopped")
    assert "privileged" not in container
    assert ("healthcheck" in container) == (name not in MAKES_ONCE)
    if name in OURS:
        assert container["read_only"]


def test_the_operator_may_hold_more_wallets_than_a_service_ever_does() -> None:
    memory = {name: CONTAINERS[name]["deploy"]["resources"]["limits"]["memory"] for name in OURS}

    assert memory.pop("operator") == "2G"
    assert set(memory.values()) == {"512M"}


def test_files_of_the_operator_lie_in_a_folder_that_is_mounted_and_her_own() -> None:
    readme = (DEPLOY / "README.md").read_text()
    [line] = [line for line in readme.splitlines() if "operator export" in line]

    assert '--user "$(id -u):$(id -g)" --volume "$PWD:/files" operator export /files/' in line
    assert CONTAINERS["operator"]["entrypoint"] == ["kembalian"]
    assert "user" not in CONTAINERS["operator"]


def test_several_containers_of_the_ledger_can_find_each_other() -> None:
    ledger = CONTAINERS["wallet-ledger"]

    assert not {"hostname", "container_name", "ports"} & set(ledger)
    assert "KEMBALIAN_ADVERTISE_URL" not in ledger["environment"]
    assert "calls" in ledger["networks"]


def test_services_wait_for_the_start_up_job_and_it_for_the_servers() -> None:
    for service in ACCESS:
        if service != "operator":
            waits = CONTAINERS[service]["depends_on"]["setup"]
            assert waits == {"condition": "service_completed_successfully"}
    assert CONTAINERS["setup"]["depends_on"] == {
        "postgres": {"condition": "service_healthy"},
        "kafka": {"condition": "service_healthy"},
    }


def test_images_are_pinned_to_full_versions() -> None:
    assert CONTAINERS["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}"
    assert re.fullmatch(r"postgres:18\.\d+", CONTAINERS["postgres"]["image"])
    assert CONTAINERS["postgres"]["volumes"] == ["postgres-data:/var/lib/postgresql"]
    bases = set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE))
    assert len(bases) == 1
    assert re.fullmatch(r"python:3\.11\.\d+-slim-[a-z]+", bases.pop())


def test_the_database_server_is_as_large_as_that_of_make_run() -> None:
    command = CONTAINERS["postgres"]["command"]
    assert {f"-c{name}={value}" for name, value in SIZES.items()} <= set(command)


def test_the_broker_runs_the_settings_and_the_script_that_the_tests_run() -> None:
    mounted = f"./{PROPERTIES.parent.relative_to(DEPLOY)}:/etc/kembalian:ro"

    assert mounted in CONTAINERS["kafka"]["volumes"]
    assert CONTAINERS["kafka"]["entrypoint"] == ["/bin/sh", f"/etc/kembalian/{START.name}"]
    assert f"/etc/kembalian/{PROPERTIES.name}" in START.read_text()
    assert sorted(secrets_of("kafka").values()) == sorted(GIVEN)
    assert "log.dirs=/var/lib/kafka/data\n" in PROPERTIES.read_text()
    assert "kafka-data:/var/lib/kafka/data" in CONTAINERS["kafka"]["volumes"]


def test_what_the_image_copies_is_there_and_its_user_is_not_root() -> None:
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    for source in re.findall(r"^COPY (?!--from)(\S+) ", DOCKERFILE, re.MULTILINE):
        assert (REPOSITORY / source).exists()
        assert f"!{source}" in ignored
    assert re.findall(r"^USER (\S+)", DOCKERFILE, re.MULTILINE) == ["10001:10001"]
    assert "--require-hashes --requirement requirements/run.txt" in DOCKERFILE


def test_the_image_installs_every_package_of_the_repository() -> None:
    packages = {
        str(path.parent.relative_to(REPOSITORY))
        for pattern in ("libs/*/pyproject.toml", "services/*/pyproject.toml")
        for path in REPOSITORY.glob(pattern)
    }

    assert set(re.findall(r"-e \./(\S+)", DOCKERFILE)) == packages


def test_no_file_of_the_deployment_names_an_address_to_download_from() -> None:
    for path in DEPLOY.rglob("*"):
        if path.is_file() and "secrets" not in path.parts:
            hosts = set(re.findall(r"https?://([^/:\s'\"$]+)", path.read_text()))
            assert hosts <= {*NAMES, "127.0.0.1", "localhost"}, path

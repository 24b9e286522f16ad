"""The containers of deploy/docker-compose.yml as processes of this machine: no Docker, same words.

Each gets the command, the environment and the secrets that the file gives it, and no others; only
addresses are put in place of names, and a folder of its own in place of /run.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import yaml

from kembalian.grounds.ground import start
from kembalian.grounds.ports import free_ports
from kembalian.launcher.service_process import ServiceProcess
from kembalian.launcher.services import SERVICES
from kembalian.testing.deployment import Deployment
from kembalian.testing.secured_kafka import DEPLOY

BIN: Final = Path(sys.executable).parent
DEFAULT: Final = re.compile(r"\$\{\w+:-([^}]*)\}")


class ComposeStack:
    """What the Compose file says, on the servers of `deployment`; `home` holds logs and secrets."""

    def __init__(self, deployment: Deployment, home: Path) -> None:
        file: dict[str, Any] = yaml.safe_load((DEPLOY / "docker-compose.yml").read_text())
        self._containers: dict[str, dict[str, Any]] = file["services"]
        self._deployment = deployment
        self._home = home
        names = [service.name for service in SERVICES]
        self._ports = dict(zip(names, free_ports(len(names)), strict=True))
        self._processes: dict[str, ServiceProcess] = {}

    @property
    def url(self) -> str:
        """The gateway's root URL."""
        return f"http://127.0.0.1:{self._ports['gateway']}"

    def run(self, name: str, *command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a one-shot container to its end: its own command, or another in its place."""
        container = self._containers[name]
        words = [*container.get("entrypoint", []), *(command or container["command"])]
        return subprocess.run(
            [str(BIN / words[0]), *words[1:]],
            env=self._environment(name),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def start(self, name: str) -> None:
        """Start a service and wait until it answers. Raises GroundError."""
        command = [str(BIN / self._containers[name]["command"][0])]
        process = ServiceProcess(
            [*command, *self._containers[name]["command"][1:]],
            f"http://127.0.0.1:{self._ports[name]}",
            self._environment(name),
            self._home / f"{name}.log",
        )
        self._processes[name] = process
        start(process)

    def stop(self) -> None:
        """Stop all services."""
        for process in self._processes.values():
            process.stop()

    def logs(self) -> str:
        """Return what the services logged."""
        return "\n".join(
            f"--- {path.name}\n{path.read_text()}" for path in sorted(self._home.glob("*.log"))
        )

    def _environment(self, name: str) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("KEMBALIAN_")}
        run = self._run_folder(name)
        said: dict[str, str] = self._containers[name].get("environment", {})
        ours = {key: self._placed(value, run) for key, value in said.items()}
        if name in self._ports:
            ours |= {"KEMBALIAN_HOST": "127.0.0.1", "KEMBALIAN_PORT": str(self._ports[name])}
        return {**kept, **ours}

    def _placed(self, value: str, run: Path) -> str:
        """Return a value with its default in it, and with addresses in place of names."""
        value = DEFAULT.sub(r"\1", value)
        value = value.replace("/run/", f"{run}/")
        value = value.replace("postgres:5432", f"127.0.0.1:{self._deployment.postgres.port}")
        value = value.replace("kafka:9092", self._deployment.broker.bootstrap)
        for name, port in self._ports.items():
            value = value.replace(f"http://{name}:8000", f"http://127.0.0.1:{port}")
        return value

    def _run_folder(self, name: str) -> Path:
        """Return the container's /run, with the secrets that it is given as they are now."""
        run = self._home / name / "run"
        shutil.rmtree(run, ignore_errors=True)
        for secret in self._containers[name].get("secrets", []):
            source = secret if isinstance(secret, str) else secret["source"]
            target = f"/run/secrets/{source}" if isinstance(secret, str) else str(secret["target"])
            path = run / Path(target).relative_to("/run")
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self._deployment.settings.secrets_dir / source, path)
        return run


@contextmanager
def compose_stack(deployment: Deployment, home: Path) -> Generator[ComposeStack]:
    """Give the stack; whatever was started is stopped at the end."""
    stack = ComposeStack(deployment, home)
    try:
        yield stack
    finally:
        stack.stop()

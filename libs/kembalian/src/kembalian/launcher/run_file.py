"""run.json: what a run tells the operators' command and the tests about itself."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kembalian.grounds.databases import Databases
from kembalian.grounds.ground import Ground
from kembalian.launcher.home import write_private_json
from kembalian.launcher.services import Addresses


@dataclass
class RunFile:
    """The file of one run: replaced whole at each change, gone when the run has ended."""

    path: Path
    gateway_url: str
    addresses: Addresses
    databases: Mapping[str, Databases]
    processes: Collection[str]
    children: Mapping[str, Ground] = field(default_factory=dict[str, Ground])

    def write(self) -> None:
        """Write what is so now; a child that is down has no pid."""
        serving = {name: databases.app_dsn for name, databases in self.databases.items()}
        admin = {name: databases.admin_dsn for name, databases in self.databases.items()}
        pids = {name: child.pid for name, child in self.children.items()}
        content = {
            "gateway": self.gateway_url,
            "kafka": self.addresses.kafka_bootstrap,
            "kafka_ground": self.addresses.kafka_ground,
            "urls": {name: self.addresses.url(name) for name in self.processes},
            "postgres": {"admin": admin, **serving},
            "pids": {name: pid for name, pid in pids.items() if pid is not None},
        }
        write_private_json(self.path, content)

    def remove(self) -> None:
        """Say that nothing runs any more."""
        self.path.unlink(missing_ok=True)

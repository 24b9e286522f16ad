"""All the processes of one run, put together: who is started with what, and in which order."""

import asyncio
import secrets
from collections.abc import Callable

import asyncpg

import identity.operations
import identity.store
from events.migrate import migrate
from identity.passwords import hash_password
from kembalian.grounds.apache_kafka import ApacheKafka
from kembalian.grounds.databases import Databases, RolePasswords, provision
from kembalian.grounds.embedded_broker import EmbeddedBroker
from kembalian.grounds.ground import Ground
from kembalian.grounds.ports import free_ports
from kembalian.grounds.postgres import Postgres
from kembalian.launcher.home import Home
from kembalian.launcher.run_file import RunFile
from kembalian.launcher.service_process import ServiceProcess
from kembalian.launcher.services import (
    COMMAND_CLIENT,
    SERVICES,
    Addresses,
    Service,
    environment,
    processes,
)
from kembalian.launcher.settings import RunSettings
from kembalian.launcher.supervisor import Supervisor
from wallet_ledger.signing import ensure_key_file


class House:
    """PostgreSQL, the broker and the services of one home."""

    def __init__(self, settings: RunSettings, home: Home, say: Callable[[str], None]) -> None:
        self._processes = processes(settings.ledger_processes)
        names = ["postgres", *(name for name in self._processes if name != "gateway")]
        ports = dict(zip(names, free_ports(len(names)), strict=True))
        self._home = home
        self._say = say
        self._settings = settings
        self._postgres = Postgres(
            home.root / "postgres", port=ports["postgres"], log_path=home.log_path("postgres")
        )
        self._broker = _broker(settings.kafka, home)
        self._addresses = Addresses(
            ports={**ports, "gateway": settings.port},
            kafka_bootstrap=self._broker.bootstrap if self._broker else settings.kafka,
            kafka_ground="embedded" if isinstance(self._broker, EmbeddedBroker) else "apache",
        )
        self.gateway_url = self._addresses.url("gateway")
        self._databases: dict[str, Databases] = {}
        self._children: dict[str, Ground] = {"postgres": self._postgres}
        if self._broker is not None:
            self._children["broker"] = self._broker
        self._run_file: RunFile | None = None
        self._supervisor = Supervisor(self._children, say=say, changed=self._write_run_file)

    async def start_grounds(self) -> None:
        """Start PostgreSQL and, unless it is somebody else's, the broker."""
        await self._supervisor.start(list(self._children))
        for folder in self._postgres.opened:
            self._say(f"opened {folder} for passing through (o+x): PostgreSQL runs as nobody")
        version = await asyncio.to_thread(self._postgres.version)
        self._say(f"PostgreSQL {version} (embedded) on port {self._postgres.port}")
        kind = {"embedded": "embedded broker", "apache": "Apache Kafka"}
        self._say(f"{kind[self._addresses.kafka_ground]} at {self._addresses.kafka_bootstrap}")

    async def prepare_databases(self) -> None:
        """Make and migrate every service's database, and the first people who may log in."""
        for service in SERVICES:
            if service.migrations is not None:
                self._databases[service.name] = await asyncio.to_thread(self._prepare, service)
        for client in (*(service.name for service in SERVICES), COMMAND_CLIENT):
            self._home.service_secret_path(client)
        ensure_key_file(self._home.checkpoint_key_path)
        for role in self._settings.staff:
            await identity.operations.ensure_user(
                self._databases["identity"].app_dsn,
                username=role,
                password=self._home.secret(f"staff-{role}"),
                role=role,
            )
        self._run_file = RunFile(
            path=self._home.run_path,
            gateway_url=self.gateway_url,
            addresses=self._addresses,
            databases=self._databases,
            processes=self._processes,
            children=self._children,
        )

    async def start_services(self) -> None:
        """Start all services side by side; none of them needs an order."""
        for name, service in self._processes.items():
            self._children[name] = self._service_process(name, service)
        await self._supervisor.start(list(self._processes))

    async def watch(self) -> None:
        """Start again whatever dies, until cancelled."""
        await self._supervisor.watch(list(self._children))

    async def reissue_password(self, username: str) -> str:
        """Give somebody a new random password and return it."""
        password = secrets.token_urlsafe(12)
        connection = await asyncpg.connect(self._databases["identity"].app_dsn)
        try:
            await identity.store.change_password(connection, username, hash_password(password))
        finally:
            await connection.close()
        return password

    async def stop(self) -> None:
        """Stop the door first, then the services, then what they stand on."""
        grounds = ["broker", "postgres"]
        services = [name for name in self._children if name not in {*grounds, "gateway"}]
        for names in (["gateway"], services, ["broker"], ["postgres"]):
            children = [self._children[name] for name in names if name in self._children]
            await asyncio.gather(*(asyncio.to_thread(child.stop) for child in children))
        if self._run_file is not None:
            self._run_file.remove()

    def _prepare(self, service: Service) -> Databases:
        assert service.migrations is not None
        passwords = RolePasswords(
            owner=self._home.secret(f"database-{service.name}-owner"),
            app=self._home.secret(f"database-{service.name}-app"),
        )
        databases = provision(self._postgres, service.name, passwords)
        migrate(databases.owner_dsn, service.migrations)
        return databases

    def _service_process(self, name: str, service: Service) -> ServiceProcess:
        databases = self._databases.get(service.name)
        return ServiceProcess(
            service.command,
            self._addresses.url(name),
            environment(
                name,
                service,
                self._addresses,
                self._home.service_secret_path(service.name),
                databases.app_dsn if databases else None,
                self._home.checkpoint_key_path,
            ),
            self._home.log_path(name),
            niceness=service.niceness,
        )

    def _write_run_file(self) -> None:
        if self._run_file is not None:
            self._run_file.write()


def _broker(kafka: str, home: Home) -> ApacheKafka | EmbeddedBroker | None:
    """Return the broker of this run, None if KEMBALIAN_KAFKA names one that runs elsewhere."""
    match kafka:
        case "embedded":
            return EmbeddedBroker(home.root / "embedded", log_path=home.log_path("broker"))
        case "apache":
            return ApacheKafka(home.root / "kafka", log_path=home.log_path("broker"))
        case _:
            return None

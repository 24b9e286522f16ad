"""A deployment as the operators' command sees it from its container: no run.json, but secrets."""

from collections.abc import Callable

from pydantic import ValidationError

from kembalian.grounds.databases import RolePasswords, role_prefix
from kembalian.launcher.home import Home
from kembalian.launcher.services import SERVICES
from kembalian.launcher.settings import HomeSettings
from kembalian.operators.live import LiveRun, NotRunning
from kembalian.setup.access import OPERATOR
from kembalian.setup.secrets import SecretMissing
from kembalian.setup.settings import DeploymentSettings, dsn
from web.settings import wrong_settings

SERVICE_PORT = 8000


class OperatorSettings(DeploymentSettings):
    """What the operators' command is told in a deployment."""

    gateway_url: str = "http://gateway:8000"


def deployed_run() -> LiveRun:
    """Return where everything of this deployment is. Raises: NotRunning.

    What asks for a superuser's DSN gets the owner's: a rebuild makes views, and nothing else.
    """
    try:
        settings = OperatorSettings()
        serving = _dsns(settings, "app", lambda passwords: passwords.app)
        owning = _dsns(settings, "owner", lambda passwords: passwords.owner)
        settings.secrets.kafka(OPERATOR)
    except ValidationError as error:
        wrong = "; ".join(wrong_settings(error))
        raise NotRunning(f"this is no deployment's container: {wrong}") from error
    except SecretMissing as error:
        raise NotRunning(f"this is no deployment's container: {error}") from error
    kafka = settings.kafka(OPERATOR)
    return LiveRun(
        home=Home(HomeSettings().home),
        gateway=settings.gateway_url,
        kafka=kafka.bootstrap,
        kafka_ground=kafka.ground,
        urls={service.name: f"http://{service.name}:{SERVICE_PORT}" for service in SERVICES},
        postgres=serving,
        postgres_admin=owning,
        pids={},
        kafka_login=kafka.login,
    )


def _dsns(
    settings: DeploymentSettings, kind: str, password_of: Callable[[RolePasswords], str]
) -> dict[str, str]:
    """Return service -> the DSN of its role of one kind (`app`, `owner`). Raises SecretMissing."""
    found: dict[str, str] = {}
    for service in SERVICES:
        if service.migrations is not None:
            prefix = role_prefix(service.name)
            password = password_of(settings.secrets.database(service.name))
            role = f"{prefix}_{kind}"
            found[service.name] = dsn(settings.postgres_url, role, password, prefix)
    return found

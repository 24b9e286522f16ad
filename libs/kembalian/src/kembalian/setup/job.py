"""`kembalian setup`: from an empty PostgreSQL and an empty broker to what the services need.

Safe to repeat: it runs at each start of a deployment, sets every password to what its file says,
migrates what is not migrated, and makes the broker's rights what the table says.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

import psycopg
import typer
from aiokafka.errors import KafkaError
from confluent_kafka import KafkaException
from pydantic import ValidationError

from events.migrate import migrate
from events.topics import TopicMismatch
from kembalian.grounds.databases import provision
from kembalian.launcher.services import SERVICES
from kembalian.operators.speaking import fail
from kembalian.setup.access import SETUP
from kembalian.setup.broker import Say, make_topics, make_users_and_rights
from kembalian.setup.secrets import SecretMissing
from kembalian.setup.settings import DeploymentSettings
from web.settings import wrong_settings

RETRY_SECONDS: Final = 1.0

NOT_YET = (psycopg.OperationalError, KafkaError, KafkaException, OSError, TimeoutError)
"""What passes when PostgreSQL or the broker is up: tried again until the time is over."""


def setup() -> None:
    """Make databases, roles, topics, users and rights of a deployment (deploy/README.md)."""
    try:
        settings = DeploymentSettings()
        set_up(settings, typer.echo)
    except ValidationError as error:
        raise fail("\n".join(wrong_settings(error))) from error
    except (SecretMissing, TopicMismatch, psycopg.Error, *NOT_YET) as error:
        raise fail(f"not set up: {error or repr(error)}") from error


def set_up(settings: DeploymentSettings, say: Say) -> None:
    """Do it, within `setup_seconds_max`. Raises what `setup` names."""
    deadline = time.monotonic() + settings.setup_seconds_max
    kafka = settings.kafka(SETUP)
    settings.secrets.kafka(SETUP)  # said at once if it is missing, not after all the waiting
    _until(deadline, lambda: make_databases(settings, say), say)
    _until(deadline, lambda: asyncio.run(make_topics(kafka, say)), say)
    _until(deadline, lambda: make_users_and_rights(kafka, settings.secrets, say), say)
    say("set up")


def make_databases(settings: DeploymentSettings, say: Say) -> None:
    """Make and migrate every service's database and roles. Raises psycopg.Error, SecretMissing."""
    for service in SERVICES:
        if service.migrations is None:
            continue
        passwords = settings.secrets.database(service.name)
        databases = provision(settings.server, service.name, passwords)
        applied = migrate(databases.owner_dsn, service.migrations)
        say(f"database {databases.name}: {', '.join(applied) or 'nothing new'}")


def _until(deadline: float, work: Callable[[], None], say: Say) -> None:
    """Do `work`, again and again while what it needs is away, until `deadline`."""
    said = ""
    while True:
        try:
            work()
        except NOT_YET as error:
            if time.monotonic() > deadline or not _passes(error):
                raise
            if str(error) != said:
                said = str(error)
                say(f"waiting: {said or repr(error)}")
        else:
            return
        time.sleep(RETRY_SECONDS)


def _passes(error: Exception) -> bool:
    """Tell whether it may go well the next time; a broker that says no will say it again."""
    if not isinstance(error, KafkaException):
        return True
    refusal = error.args[0]
    return (
        refusal.retriable() or refusal.code() < 0
    )  # below 0: what the client says, not the broker

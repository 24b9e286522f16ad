"""The broker as a deployment needs it: users, topics, rights; whatever else is there is removed.

Safe to repeat, and while everything runs: what is missing is made before anything is taken away.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Any, Final

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)

from events.broker import MECHANISM, Kafka
from events.topics import ensure
from kembalian.setup.access import ACCESS, SETUP, TOPICS, rights
from kembalian.setup.secrets import Secrets

Say = Callable[[str], None]

TIMEOUT_SECONDS: Final = 20.0
ITERATIONS: Final = 8_192
ANY_HOST: Final = "*"


async def make_topics(kafka: Kafka, say: Say) -> None:
    """Make every topic that is missing. Raises TopicMismatch, KafkaError, TimeoutError, OSError."""
    for topic in TOPICS:
        made = await ensure(kafka, topic)
        say(f"topic {topic.name}: {'made' if made else 'as it must be'}")


def make_users_and_rights(kafka: Kafka, secrets: Secrets, say: Say) -> None:
    """Set every principal's password, and exactly the rights of the table.

    Raises KafkaException, OSError. Blocks.
    """
    admin = _admin(kafka)
    _set_users(admin, secrets, say)
    _set_rights(admin, say)


def _admin(kafka: Kafka) -> AdminClient:
    assert kafka.login is not None, "only a principal of the broker can make others"
    settings = {
        "bootstrap.servers": kafka.bootstrap,
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": MECHANISM,
        "sasl.username": kafka.login.username,
        "sasl.password": kafka.login.password(),
        "log_level": "4",  # warnings
    }
    if kafka.login.ca_path is not None:
        settings |= {"security.protocol": "SASL_SSL", "ssl.ca.location": str(kafka.login.ca_path)}
    return AdminClient(settings)


def _set_users(admin: AdminClient, secrets: Secrets, say: Say) -> None:
    wanted = [
        UserScramCredentialUpsertion(
            principal,
            ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, ITERATIONS),
            secrets.kafka(principal).encode(),
        )
        for principal in ACCESS
    ]
    _all(admin.alter_user_scram_credentials(wanted).values())
    known = admin.describe_user_scram_credentials().result(TIMEOUT_SECONDS)
    strangers = sorted(set(known) - set(ACCESS) - {SETUP})
    gone = [
        UserScramCredentialDeletion(user, info.mechanism)
        for user in strangers
        for info in known[user].scram_credential_infos
    ]
    if gone:
        _all(admin.alter_user_scram_credentials(gone).values())
    say(f"users {', '.join(ACCESS)}: passwords set")
    for user in strangers:
        say(f"user {user}: removed, it is not in the table")


def _set_rights(admin: AdminClient, say: Say) -> None:
    wanted = {_binding(right.principal, right.topic, right.operation) for right in rights()}
    known = set(admin.describe_acls(_EVERY).result(TIMEOUT_SECONDS))
    missing, surplus = sorted(wanted - known, key=str), sorted(known - wanted, key=str)
    if missing:
        _all(admin.create_acls(missing).values())
    if surplus:
        _all(admin.delete_acls([_filter(binding) for binding in surplus]).values())
    say(f"rights: {len(wanted)}, of which {len(missing)} were missing")
    for binding in surplus:
        say(f"{binding}: removed, it is not in the table")


_EVERY: Final = AclBindingFilter(
    ResourceType.ANY,
    None,
    ResourcePatternType.ANY,
    None,
    None,
    AclOperation.ANY,
    AclPermissionType.ANY,
)


def _binding(principal: str, topic: str, operation: str) -> AclBinding:
    return AclBinding(
        ResourceType.TOPIC,
        topic,
        ResourcePatternType.LITERAL,
        f"User:{principal}",
        ANY_HOST,
        AclOperation[operation],
        AclPermissionType.ALLOW,
    )


def _filter(binding: AclBinding) -> AclBindingFilter:
    """Return the filter that matches exactly this binding."""
    return AclBindingFilter(
        binding.restype,
        binding.name,
        binding.resource_pattern_type,
        binding.principal,
        binding.host,
        binding.operation,
        binding.permission_type,
    )


def _all(answers: Iterable[Future[Any]]) -> None:
    """Wait for all; raises what the first one that failed raises."""
    for answer in answers:
        answer.result(TIMEOUT_SECONDS)

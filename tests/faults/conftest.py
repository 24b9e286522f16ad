"""The houses of these tests: one on the best Kafka there is, one on the embedded broker."""

import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from kembalian.grounds.ground import GroundError
from kembalian.grounds.kafka_jars import jars
from kembalian.testing.house import RunningHouse, running_house
from kembalian.testing.require import missing


def _best_kafka() -> str:
    """Return what KEMBALIAN_KAFKA must say for Apache Kafka, else `embedded`."""
    try:
        jars()
    except GroundError:
        missing("kafka", "Apache Kafka needs Java 17 and Maven")
        return "embedded"
    return "apache"


@pytest.fixture(scope="session")
def faulty_house() -> Generator[RunningHouse]:
    """A house whose processes are killed and whose broker is wiped; it must get over it."""
    with (
        tempfile.TemporaryDirectory(prefix="kembalian-faults-") as folder,
        running_house(Path(folder), kafka=_best_kafka()) as house,
    ):
        yield house


@pytest.fixture(scope="module")
def forgetful_house(tmp_path_factory: pytest.TempPathFactory) -> Generator[RunningHouse]:
    """A house on the embedded broker, which forgets everything whenever it dies."""
    folder = tmp_path_factory.mktemp("forgetful")
    with running_house(folder, kafka="embedded") as house:
        yield house

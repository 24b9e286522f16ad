"""The pytest plugin of the house (the workspace's pyproject.toml loads it): grounds as fixtures."""

from kembalian.testing import properties as properties
from kembalian.testing.citus import citus
from kembalian.testing.databases import make_database, postgres
from kembalian.testing.deployment import deployment
from kembalian.testing.groups import (
    pytest_collection_modifyitems,
    pytest_runtest_makereport,
    pytest_xdist_make_scheduler,
)
from kembalian.testing.kafka import apache_kafka, kafka
from kembalian.testing.summary import pytest_terminal_summary, pytest_testnodedown

__all__ = [
    "apache_kafka",
    "citus",
    "deployment",
    "kafka",
    "make_database",
    "postgres",
    "properties",
    "pytest_collection_modifyitems",
    "pytest_runtest_makereport",
    "pytest_terminal_summary",
    "pytest_testnodedown",
    "pytest_xdist_make_scheduler",
]

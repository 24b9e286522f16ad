"""Grounds that a machine may lack: a skip that names them, or a failure if they are required."""

import os
from typing import NoReturn

import pytest


def lacking(ground: str, reason: str) -> NoReturn:
    """Skip the test, or fail it if KEMBALIAN_REQUIRE (a list with commas) names `ground`."""
    missing(ground, reason)
    pytest.skip(reason)


def missing(ground: str, reason: str) -> None:
    """Fail the test if KEMBALIAN_REQUIRE names `ground`; else it goes on without it."""
    required = [name.strip() for name in os.environ.get("KEMBALIAN_REQUIRE", "").split(",")]
    if ground in required:
        pytest.fail(f"KEMBALIAN_REQUIRE={ground}: {reason}", pytrace=False)

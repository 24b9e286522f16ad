"""For tests of the gateway: services that say exactly what they are told, and a raw client."""

from gateway.testing.client import Answered, RawClient, Running, running
from gateway.testing.services import GUEST, FakeService, Received, Script, answer

__all__ = [
    "GUEST",
    "Answered",
    "FakeService",
    "RawClient",
    "Received",
    "Running",
    "Script",
    "answer",
    "running",
]

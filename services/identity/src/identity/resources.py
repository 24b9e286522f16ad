"""What the handlers work with, made once per process by the composition root."""

from dataclasses import dataclass

import asyncpg

from events.relay import Relay
from identity.attempts import Attempts
from identity.config import Settings
from identity.passwords import Passwords
from identity.signing import Signer
from web.peers import Peer


@dataclass(frozen=True, slots=True)
class Resources:
    """Database, peers, and what this process keeps in memory."""

    settings: Settings
    pool: asyncpg.Pool
    signer: Signer
    passwords: Passwords
    attempts: Attempts
    catalog: Peer
    wallet_ledger: Peer
    relay: Relay | None = None

    def published(self) -> None:
        """Say that the log has news, so that they are sent at once."""
        if self.relay is not None:
            self.relay.poke()

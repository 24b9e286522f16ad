"""The gateway's own token (role guest), brought along for clients that have none."""

import asyncio
import json
import logging
from collections.abc import Callable

from pydantic import BaseModel, ConfigDict, ValidationError
from tenacity import (
    AsyncRetrying,
    before_sleep_log,
    retry_if_exception_type,
    wait_random_exponential,
)

from gateway.upstream import Upstream
from web.problems import Problem

CLIENT_ID = "gateway"
RENEW_AT = 0.8
"""The share of a token's life after which a new one is fetched."""
WAIT_SECONDS_MAX = 2.0
PAUSE_SECONDS_MAX = 2.0

_log = logging.getLogger(__name__)


class TokenAnswer(BaseModel):
    """What identity answers: a JWT, and the seconds for which it is valid."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    access_token: str
    expires_in: float


class GuestToken:
    """Holds a valid token as long as identity can be reached; `keep` must be running.

    `secret` returns the secret that identity knows the gateway by; it is read anew for each try.
    """

    def __init__(self, identity: Upstream, secret: Callable[[], str]) -> None:
        self._identity = identity
        self._secret = secret
        self._authorization = b""
        self._valid_until = 0.0  # on the event loop's clock, seconds
        self._fetched = asyncio.Event()

    async def keep(self) -> None:
        """Fetch a token, and a new one before each expiry, for ever."""
        while True:
            answer = await self._fetch_until_answered()
            now = asyncio.get_running_loop().time()
            self._authorization = f"Bearer {answer.access_token}".encode("ascii")
            self._valid_until = now + answer.expires_in
            self._fetched.set()
            await asyncio.sleep(max(1.0, answer.expires_in * RENEW_AT))

    async def authorization(self) -> bytes:
        """Return the value of an Authorization field; waits a little for identity to start.

        Raises Problem 503 when there is no valid token to be had.
        """
        if asyncio.get_running_loop().time() >= self._valid_until:
            self._fetched.clear()
            try:
                await asyncio.wait_for(self._fetched.wait(), WAIT_SECONDS_MAX)
            except TimeoutError as error:
                raise Problem("unavailable", "Identity does not answer at the moment.") from error
        return self._authorization

    async def _fetch_until_answered(self) -> TokenAnswer:
        """Ask again and again, ever more slowly: services start in any order."""
        retrying = AsyncRetrying(
            wait=wait_random_exponential(multiplier=0.1, max=PAUSE_SECONDS_MAX),
            retry=retry_if_exception_type((Problem, OSError, ValueError)),
            before_sleep=before_sleep_log(_log, logging.INFO),
        )
        return await retrying(self._fetch)

    async def _fetch(self) -> TokenAnswer:
        """Ask identity once. Raises Problem, or OSError, ValueError without a readable secret."""
        body = json.dumps({"client_id": CLIENT_ID, "client_secret": self._secret()}).encode()
        headers = [
            (b"host", self._identity.host),
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode("ascii")),
        ]
        answer = await self._identity.ask(b"POST", b"/internal/token", headers, body)
        answer.close()
        if answer.status != 200:
            raise Problem("unavailable", f"Identity answers {answer.status} to the gateway.")
        try:
            return TokenAnswer.model_validate_json(answer.held)
        except ValidationError as error:
            raise Problem("unavailable", "Identity's answer is not understood.") from error

"""Access tokens as every service reads them: signed by identity, checked here, never trusted."""

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, cast

import httpx
import jwt

from web.problems import Problem
from web.trust import trusted

ALGORITHM: Final = "EdDSA"
ISSUER: Final = "kembalian"
TOKEN_CHARACTERS_MAX: Final = 4096
TOKENS_KEPT_MAX: Final = 10_000
REFETCH_SECONDS: Final = 1.0
FETCH_TIMEOUT_SECONDS: Final = 2.0
REQUIRED_CLAIMS: Final = ["iss", "aud", "sub", "role", "iat", "exp", "jti"]
ROLES: Final = frozenset({"admin", "finance", "auditor", "operator", "cashier", "member"}) | {
    "bank",
    "channel",
    "guest",
    "service",
}

FetchKeys = Callable[[], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is calling, as the token says; `subject` is member id, cashier id, user or service."""

    role: str
    subject: str
    username: str | None = None
    store_id: str | None = None
    member_id: str | None = None

    @property
    def caller(self) -> str:
        """Return the owner of an idempotency key; a guest has none of his own (web.idempotency)."""
        return f"{self.role}:{self.subject}"


def fetch_from(identity_url: str) -> FetchKeys:
    """Return a function that reads identity's published keys."""

    async def fetch() -> bytes:
        async with httpx.AsyncClient(
            timeout=FETCH_TIMEOUT_SECONDS, trust_env=False, verify=trusted()
        ) as client:
            answer = await client.get(f"{identity_url}/.well-known/jwks.json")
            answer.raise_for_status()
            return answer.content

    return fetch


class TokenVerifier:
    """Verifies tokens with keys that `fetch` reads; the last good set of keys is kept."""

    def __init__(
        self, fetch: FetchKeys, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch = fetch
        self._monotonic = monotonic
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at = float("-inf")
        self._failed = False
        self._fetching = asyncio.Lock()
        self._known: OrderedDict[str, tuple[Principal, float]] = OrderedDict()

    def known(self, token: str) -> Principal | None:
        """Return who holds a token that was verified before and is still valid, else None."""
        found = self._known.get(token)
        return None if found is None or time.time() >= found[1] else found[0]

    async def verify(self, token: str) -> Principal:
        """Return who holds `token`. Raises Problem 401, or 503 while the keys cannot be had."""
        known = self._known.get(token)
        if known is not None:  # a signature costs more than the rest of a short request
            principal, expires = known
            if time.time() >= expires:
                raise Problem("unauthenticated")
            return principal
        if len(token) > TOKEN_CHARACTERS_MAX:
            raise Problem("unauthenticated")
        try:
            header = jwt.get_unverified_header(token)
            key_id = header.get("kid")
            if header.get("alg") != ALGORITHM or not isinstance(key_id, str):
                raise Problem("unauthenticated")
            claims = _claims(token, await self._key(key_id))
        except (jwt.PyJWTError, ValueError, RecursionError):
            raise Problem("unauthenticated") from None
        principal = _principal(claims)
        self._known[token] = (principal, float(claims["exp"]))
        if len(self._known) > TOKENS_KEPT_MAX:
            self._known.popitem(last=False)
        return principal

    async def _key(self, key_id: str) -> jwt.PyJWK:
        key = self._keys.get(key_id)
        if key is None:
            async with self._fetching:  # one fetch for all who wait
                if key_id not in self._keys:
                    await self._refetch()
            key = self._keys.get(key_id)
        if key is None:
            # While identity is silent, an unknown key may be its newest: not the client's fault.
            raise Problem("unavailable" if self._failed else "unauthenticated")
        return key

    async def _refetch(self) -> None:
        if self._monotonic() - self._fetched_at < REFETCH_SECONDS:
            return
        try:
            self._keys = _key_set(await self._fetch())
            self._failed = False
            self._known.clear()
        except (httpx.HTTPError, OSError, ValueError):
            self._failed = True
        self._fetched_at = self._monotonic()


def _key_set(document: bytes) -> dict[str, jwt.PyJWK]:
    """Return kid -> key of every Ed25519 key of a JWKS. Raises ValueError."""
    try:
        keys = cast("list[dict[str, Any]]", json.loads(document)["keys"])
        return {
            str(key["kid"]): jwt.PyJWK(key, algorithm=ALGORITHM)
            for key in keys
            if key.get("kty") == "OKP" and key.get("crv") == "Ed25519"
        }
    except (KeyError, TypeError, AttributeError, jwt.PyJWTError) as error:
        raise ValueError("not a set of keys") from error


def _claims(token: str, key: jwt.PyJWK) -> dict[str, Any]:
    return jwt.decode(
        token,
        key,
        algorithms=[ALGORITHM],
        audience=ISSUER,
        issuer=ISSUER,
        options={"require": REQUIRED_CLAIMS},
    )


def _principal(claims: dict[str, Any]) -> Principal:
    role, subject = claims["role"], claims["sub"]
    if not (isinstance(role, str) and role in ROLES and isinstance(subject, str)):
        raise Problem("unauthenticated")
    optional = {
        name: value
        for name in ("username", "store_id", "member_id")
        if isinstance(value := claims.get(name), str)
    }
    return Principal(role, subject, **optional)

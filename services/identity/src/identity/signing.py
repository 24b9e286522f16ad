"""The key that signs access tokens: made once per database, published as JWKS."""

import base64
import hashlib
import json
import time
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import asyncpg
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from web.verifier import ALGORITHM, ISSUER

# Two processes that start at once both insert; the index on `signs` lets one of them in.
MAKE_KEY = """
INSERT INTO private.signing_key (key_id, private_key) VALUES ($1, $2) ON CONFLICT DO NOTHING
"""
KEYS = "SELECT key_id, private_key, signs FROM private.signing_key ORDER BY made_at, key_id"

OPTIONAL_CLAIMS: Final = ("username", "store_id", "member_id")


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of this database: the one that signs, and the public document of all."""

    key_id: str
    private_key: Ed25519PrivateKey
    document: bytes


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def public_jwk(key: Ed25519PrivateKey) -> dict[str, str]:
    """Return the public key as a JWK; its kid is its thumbprint. Source: RFC 8037, RFC 7638."""
    members = {"crv": "Ed25519", "kty": "OKP", "x": _base64url(key.public_key().public_bytes_raw())}
    canonical = json.dumps(members, separators=(",", ":"), sort_keys=True).encode()
    thumbprint = _base64url(hashlib.sha256(canonical).digest())
    return {**members, "kid": thumbprint, "use": "sig", "alg": ALGORITHM}


async def load_keys(pool: asyncpg.Pool) -> Keys:
    """Return the keys, having made the first one if there was none."""
    rows = await pool.fetch(KEYS)
    if not rows:
        made = Ed25519PrivateKey.generate()
        await pool.execute(MAKE_KEY, public_jwk(made)["kid"], made.private_bytes_raw())
        rows = await pool.fetch(KEYS)
    keys = {row["key_id"]: Ed25519PrivateKey.from_private_bytes(row["private_key"]) for row in rows}
    signing = next(row["key_id"] for row in rows if row["signs"])
    document = json.dumps({"keys": [public_jwk(key) for key in keys.values()]}).encode()
    return Keys(signing, keys[signing], document)


class Signer:
    """Signs access tokens; reads the keys at the first need and keeps them."""

    def __init__(self, pool: asyncpg.Pool, *, token_seconds: int) -> None:
        self._pool = pool
        self._keys: Keys | None = None
        self.token_seconds = token_seconds

    async def keys(self) -> Keys:
        """Return the keys. Raises asyncpg's errors while the database is away."""
        if self._keys is None:
            self._keys = await load_keys(self._pool)
        return self._keys

    async def document(self) -> bytes:
        """Return the JWKS as JSON."""
        return (await self.keys()).document

    async def sign(self, role: str, subject: str, **optional: str | None) -> str:
        """Return an access token of `subject`, valid for `token_seconds` from now."""
        keys = await self.keys()
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": ISSUER,
            "sub": subject,
            "role": role,
            "iat": now,
            "exp": now + self.token_seconds,
            "jti": uuid4().hex,
        }
        claims |= {name: optional[name] for name in OPTIONAL_CLAIMS if optional.get(name)}
        return jwt.encode(claims, keys.private_key, ALGORITHM, headers={"kid": keys.key_id})

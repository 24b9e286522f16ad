"""For tests of services: an identity that signs real tokens and publishes its keys, or is down."""

import json
import time
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from web.verifier import ALGORITHM, ISSUER, TokenVerifier

LIFETIME_SECONDS = 1800


class SigningIdentity:
    """Stands for identity: `verifier()` goes into create_app, `token(role)` into a request."""

    def __init__(self) -> None:
        self.keys = {"k1": Ed25519PrivateKey.generate()}
        self.down = False
        self.fetches = 0

    def verifier(self) -> TokenVerifier:
        """Return a verifier that reads the keys from here."""
        return TokenVerifier(self.fetch)

    async def fetch(self) -> bytes:
        """Return the JWKS as bytes. Raises httpx.ConnectError while down."""
        self.fetches += 1
        if self.down:
            raise httpx.ConnectError("down")
        keys = [
            {**OKPAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": key_id}
            for key_id, key in self.keys.items()
        ]
        return json.dumps({"keys": keys}).encode()

    def token(self, role: object = "admin", *, kid: str = "k1", **claims: Any) -> str:
        """Return a token of `role`, valid for 1,800 s; claims override, None leaves one out."""
        now = int(time.time())
        given: dict[str, Any] = {
            "iss": ISSUER,
            "aud": ISSUER,
            "sub": "anna",
            "role": role,
            "iat": now,
            "exp": now + LIFETIME_SECONDS,
            "jti": "1",
            **claims,
        }
        payload = {name: value for name, value in given.items() if value is not None}
        return jwt.encode(payload, self.keys[kid], algorithm=ALGORITHM, headers={"kid": kid})

    def headers(self, role: object = "admin", **claims: Any) -> dict[str, str]:
        """Return the Authorization header of a token of `role`."""
        return {"authorization": f"Bearer {self.token(role, **claims)}"}

"""Access tokens that no service may believe, made with the house's own key where it is needed."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Generator
from typing import Any

import asyncpg
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import OKPAlgorithm
from jwt.utils import base64url_encode

from kembalian.testing.house import RunningHouse

SIGNING_KEY = "SELECT key_id, private_key FROM private.signing_key WHERE signs"


async def signing_key(house: RunningHouse) -> tuple[str, Ed25519PrivateKey]:
    """Return (key id, key) by which identity signs, out of its database."""
    connection = await asyncpg.connect(house.live().postgres_admin["identity"])
    try:
        row = await connection.fetchrow(SIGNING_KEY)
    finally:
        await connection.close()
    assert row is not None
    return row["key_id"], Ed25519PrivateKey.from_private_bytes(row["private_key"])


def good_claims(role: str, subject: str, **optional: str) -> dict[str, Any]:
    """Return what identity would say of somebody, now."""
    now = int(time.time())
    claims = {"iss": "kembalian", "aud": "kembalian", "sub": subject, "role": role, "jti": "1"}
    return {**claims, "iat": now, "exp": now + 600, **optional}


def bad_tokens(house: RunningHouse, claims: dict[str, Any]) -> Generator[tuple[str, str]]:
    """Yield (what is wrong, token); the last one is good: that it works proves the others bad."""
    key_id, key = asyncio.run(signing_key(house))
    other = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def signed(
        changed: dict[str, object], by: Ed25519PrivateKey = key, kid: object = key_id
    ) -> str:
        payload = {**claims, **changed}
        kept = {name: value for name, value in payload.items() if value is not None}
        return jwt.encode(kept, by, "EdDSA", headers={"kid": kid})

    good = signed({})
    head, body, signature = good.split(".")
    raised = base64url_encode(json.dumps({**claims, "role": "service"}).encode())
    now = int(time.time())
    yield "expired", signed({"iat": now - 3_600, "exp": now - 1})
    yield "of another key under a known id", signed({}, by=other)
    yield "of an unknown key", signed({}, by=other, kid="unknown")
    yield "not signed", f"{head}.{body}."
    yield "changed after it was signed", f"{head}.{raised.decode()}.{signature}"
    yield "signed for another body", f"{head}.{body}.{signed({'sub': 'somebody'}).split('.')[2]}"
    yield "alg none", jwt.encode(claims, "", "none", headers={"kid": key_id})
    for secret in (public, base64url_encode(public), pem, b""):
        for algorithm in ("HS256", "EdDSA"):
            yield f"HMAC as {algorithm}", _hmac(claims, secret, algorithm, key_id)
    yield "for somebody else", signed({"aud": "bank"})
    yield "by somebody else", signed({"iss": "evil"})
    for name in ("exp", "sub", "role", "aud", "iss", "jti"):
        yield f"without {name}", signed({name: None})
    yield "of no role of ours", signed({"role": "root"})
    yield "with a list of roles", signed({"role": ["admin"]})
    yield "not valid yet", signed({"nbf": now + 600})
    yield "rubbish", "qzxjw"
    yield "four parts", good + ".a"
    yield "too long", "a" * 5_000
    address = {"jku": f"{house.url}/livez", "kid": "theirs"}
    yield "with the address of its key", jwt.encode(claims, other, "EdDSA", headers=address)
    mine = {"jwk": json.loads(OKPAlgorithm.to_jwk(other.public_key())), "kid": key_id}
    yield "with its key inside", jwt.encode(claims, other, "EdDSA", headers=mine)
    yield "good", good


def _hmac(claims: dict[str, Any], secret: bytes, algorithm: str, key_id: str) -> str:
    """Return a token signed with a public key as if it were a shared secret (CVE-2015-9235)."""
    header = json.dumps({"alg": algorithm, "typ": "JWT", "kid": key_id}).encode()
    signed = base64url_encode(header) + b"." + base64url_encode(json.dumps(claims).encode())
    return (signed + b"." + base64url_encode(hmac.digest(secret, signed, hashlib.sha256))).decode()

"""Who gets in: every way to hold no valid token is 401, and silence of identity is 503."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from web.problems import Problem
from web.testing import SigningIdentity
from web.tokens import TokenVerifier


def unsigned(identity: SigningIdentity) -> str:
    header = base64.urlsafe_b64encode(b'{"alg":"none","kid":"k1"}').rstrip(b"=").decode()
    return f"{header}.{identity.token().split('.')[1]}."


def signed_by_public_key(identity: SigningIdentity) -> str:
    """HS256 with the public key as the secret, put together by hand."""
    public = (
        identity.keys["k1"]
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    header = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"k1"}').rstrip(b"=").decode()
    text = f"{header}.{identity.token().split('.')[1]}"
    digest = hmac.digest(public, text.encode(), hashlib.sha256)
    return f"{text}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def forged(identity: SigningIdentity) -> str:
    head, body, signature = identity.token("member").split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    other = base64.urlsafe_b64encode(json.dumps({**claims, "role": "admin"}).encode())
    return f"{head}.{other.rstrip(b'=').decode()}.{signature}"


def wrong_key(identity: SigningIdentity) -> str:
    claims = jwt.decode(identity.token(), options={"verify_signature": False})
    other = Ed25519PrivateKey.generate()
    return jwt.encode(claims, other, algorithm="EdDSA", headers={"kid": "k1"})


def without_kid(identity: SigningIdentity) -> str:
    claims = jwt.decode(identity.token(), options={"verify_signature": False})
    return jwt.encode(claims, identity.keys["k1"], algorithm="EdDSA")


BAD: dict[str, Callable[[SigningIdentity], str]] = {
    "expired": lambda identity: identity.token(exp=int(time.time()) - 1),
    "not yet issued": lambda identity: identity.token(iat=int(time.time()) + 3600),
    "another audience": lambda identity: identity.token(aud="another"),
    "another issuer": lambda identity: identity.token(iss="another"),
    "no expiry": lambda identity: identity.token(exp=None),
    "no subject": lambda identity: identity.token(sub=None),
    "unknown role": lambda identity: identity.token("root"),
    "no role": lambda identity: identity.token(role=None),
    "role is a list": lambda identity: identity.token(role=["admin"]),
    "forged": forged,
    "wrong key": wrong_key,
    "unsigned": unsigned,
    "HS256 with the public key": signed_by_public_key,
    "no kid": without_kid,
    "garbage": lambda _: "abc",
    "empty": lambda _: "",
    "three dots": lambda _: "a.b.c.d",
    "very long": lambda _: "a" * 100_000,
}


@pytest.mark.parametrize("make", BAD.values(), ids=BAD.keys())
async def test_a_bad_token_is_401(
    client: httpx.AsyncClient, identity: SigningIdentity, make: Callable[[SigningIdentity], str]
) -> None:
    client.headers["authorization"] = f"Bearer {make(identity)}"

    answer = await client.post("/api/forms", content=b"not json", headers={"content-type": "x/y"})

    assert answer.json()["type"] == "/problems/unauthenticated"
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("header", ["Basic YTpi", "Bearer", "bearer", "", "Bearer\u00e9"])
async def test_another_scheme_is_401(client: httpx.AsyncClient, header: str) -> None:
    client.headers["authorization"] = header.encode("latin-1").decode("latin-1")

    assert (await client.get("/api/guests")).status_code == 401


async def test_no_header_or_two_are_401(
    client: httpx.AsyncClient, identity: SigningIdentity
) -> None:
    token = f"Bearer {identity.token()}"
    del client.headers["authorization"]

    assert (await client.get("/api/guests")).status_code == 401
    twice = [("authorization", token), ("authorization", token)]
    assert (await client.get("/api/guests", headers=twice)).status_code == 401


@pytest.mark.parametrize(
    ("role", "status"),
    [("admin", 201), ("cashier", 201), ("member", 403), ("service", 403), ("guest", 401)],
)
async def test_the_role_decides(
    client: httpx.AsyncClient, identity: SigningIdentity, role: str, status: int
) -> None:
    client.headers["authorization"] = f"Bearer {identity.token(role)}"
    form = {"card_number": "1000", "amount": 5, "name": "Susila", "store_id": "kantin"}

    assert (await client.post("/api/forms", json=form)).status_code == status
    assert (await client.get("/api/guests")).status_code == 200


async def test_silence_of_identity_is_503_and_its_keys_are_kept(
    client: httpx.AsyncClient, identity: SigningIdentity
) -> None:
    identity.down = True
    assert (await client.get("/api/guests")).status_code == 503

    seconds = [0.0]
    verifier = TokenVerifier(identity.fetch, monotonic=lambda: seconds[0])
    identity.down = False
    assert (await verifier.verify(identity.token())).role == "admin"
    identity.down = True
    seconds[0] = 100.0
    assert (await verifier.verify(identity.token(jti="2"))).subject == "anna"


async def test_a_new_key_is_fetched_at_most_once_a_second(identity: SigningIdentity) -> None:
    seconds = [0.0]
    verifier = TokenVerifier(identity.fetch, monotonic=lambda: seconds[0])
    await verifier.verify(identity.token())
    identity.keys["k2"] = Ed25519PrivateKey.generate()
    fetches = identity.fetches

    for _ in range(50):
        with pytest.raises(Problem, match="401"):
            await verifier.verify(identity.token(kid="k2"))
    assert identity.fetches == fetches
    seconds[0] = 1.5
    assert (await verifier.verify(identity.token(kid="k2"))).role == "admin"
    assert identity.fetches == fetches + 1


async def test_a_remembered_token_still_expires(
    identity: SigningIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    verifier = TokenVerifier(identity.fetch)
    token = identity.token()
    await verifier.verify(token)
    later = time.time() + 1801
    monkeypatch.setattr(time, "time", lambda: later)

    with pytest.raises(Problem, match="401"):
        await verifier.verify(token)

"""The keys that sign checkpoints: Ed25519, in a file that only this service and operators read.

The file holds PEM blocks (PKCS #8): the key that signs, and while it is being replaced its
successor too. Which of them signs now is said by the log, never by the file.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from events.contracts.checkpoint import CheckpointKeyIntroduced, CheckpointSigned
from wallet_ledger.checkpoints import CHECKPOINT, KEY, canonical, signed_bytes

END = b"-----END PRIVATE KEY-----"


class NoKey(Exception):
    """The file does not hold the key that has to sign."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key; its id is the SHA-256 of the public key's 32 bytes."""

    private: Ed25519PrivateKey

    @property
    def public_key(self) -> str:
        """The public key, hexadecimal."""
        return self.private.public_key().public_bytes_raw().hex()

    @property
    def key_id(self) -> str:
        """The id, hexadecimal."""
        return sha256(bytes.fromhex(self.public_key)).hexdigest()

    def checkpoint(self, fields: dict[str, Any]) -> CheckpointSigned:
        """Return the signed checkpoint with these fields."""
        signature = self._sign({"type": CHECKPOINT, **fields})
        return CheckpointSigned.model_validate({**fields, "signature": signature})

    def introduces(
        self, other: "SigningKey", *, first_checkpoint: int, at: str
    ) -> CheckpointKeyIntroduced:
        """Return the signed statement that `other` signs from `first_checkpoint` on."""
        fields = {
            "key_id": other.key_id,
            "public_key": other.public_key,
            "first_checkpoint": first_checkpoint,
            "at": at,
            "signed_by": self.key_id,
        }
        signature = self._sign({"type": KEY, **fields})
        return CheckpointKeyIntroduced.model_validate({**fields, "signature": signature})

    def _sign(self, fields: dict[str, Any]) -> str:
        return self.private.sign(canonical(fields)).hex()


def is_signed(
    statement: CheckpointSigned | CheckpointKeyIntroduced, public_keys: Mapping[str, str]
) -> bool:
    """Tell whether the key that a statement names signed it; `public_keys` by id."""
    by = statement.key_id if isinstance(statement, CheckpointSigned) else statement.signed_by
    if by not in public_keys:
        return False
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_keys[by]))
    try:
        key.verify(bytes.fromhex(statement.signature), signed_bytes(statement))
    except InvalidSignature:
        return False
    return True


def new_key() -> SigningKey:
    """Return a new random key."""
    return SigningKey(Ed25519PrivateKey.generate())


def read_keys(path: Path) -> list[SigningKey]:
    """Return the keys in a file, oldest first. Raises NoKey, which never quotes the file."""
    try:
        blocks = [part + END for part in path.read_bytes().split(END)[:-1]]
        found = [load_pem_private_key(block.strip(), None) for block in blocks]
    except (OSError, ValueError) as error:
        raise NoKey(f"{path}: {type(error).__name__}") from None
    if not found or not all(isinstance(key, Ed25519PrivateKey) for key in found):
        raise NoKey(f"{path}: not a file of Ed25519 keys")
    return [SigningKey(key) for key in found if isinstance(key, Ed25519PrivateKey)]


def write_keys(path: Path, keys: Sequence[SigningKey]) -> None:
    """Replace a file of keys whole. It keeps its owner and its mode; a new one is for us alone."""
    pem = [
        key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) for key in keys
    ]
    made = path.with_name(f".{path.name}.{os.getpid()}")
    made.unlink(missing_ok=True)
    with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle:
        if path.exists():
            known = path.stat()
            os.fchown(handle.fileno(), known.st_uid, known.st_gid)
            os.fchmod(handle.fileno(), known.st_mode & 0o777)
        handle.write(b"".join(pem))
        handle.flush()
        os.fsync(handle.fileno())
    made.replace(path)


def ensure_key_file(path: Path) -> Path:
    """Make a file with a new key if there is none; return the path."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_keys(path, [new_key()])
    return path

"""Is the history in a ledger's file the one that was signed? A checkpoint beside it, and its keys.

The file itself holds no checkpoint: equal ledgers give equal files, whoever signed them.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from events import merkle
from events.contracts.checkpoint import CheckpointKeyIntroduced, CheckpointSigned
from events.log import Connection
from wallet_ledger import checkpoint_log
from wallet_ledger.checkpoint_audit import NotACheckpoint, read_kept
from wallet_ledger.checkpoints import KEY, shown
from wallet_ledger.growth import Grown
from wallet_ledger.ledger_file import HeaderLine, LinkLine
from wallet_ledger.ledger_proof import Proof
from wallet_ledger.signing import is_signed


class NotSigned(Exception):
    """What is shown was not signed by the key that is trusted, or is not what was signed."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A checkpoint and the keys of its ledger, in the order in which they were introduced."""

    checkpoint: CheckpointSigned
    keys: Sequence[CheckpointKeyIntroduced]

    def text(self) -> str:
        """Return it as one answer of the API, which the stand-alone verifier reads too."""
        answer = {**shown(self.checkpoint), "keys": [shown(key) for key in self.keys]}
        return json.dumps(answer, indent=2) + "\n"

    def require(self, trusted: str) -> None:
        """Raises NotSigned unless the public key `trusted`, or one that follows it, signed it.

        Each key is introduced by the one before it; none signs once its successor does.
        """
        believed, last = {_id(trusted): trusted}, _id(trusted)
        signs = last
        for key in self.keys:
            if key.signed_by != last or key.key_id == last or key.key_id != _id(key.public_key):
                continue  # one from before the key that is trusted, or none of this ledger's
            if not is_signed(key, believed):
                raise NotSigned(f"key {key.key_id} was not introduced by the one before it")
            believed[key.key_id], last = key.public_key, key.key_id
            if key.first_checkpoint <= self.checkpoint.n:
                signs = last
        if self.checkpoint.key_id != signs or not is_signed(self.checkpoint, believed):
            raise NotSigned(f"checkpoint {self.checkpoint.n} is not signed by the trusted key")


def _id(public_key: str) -> str:
    try:
        key = bytes.fromhex(public_key)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise NotSigned("a public key has 64 hexadecimal digits")
    return sha256(key).hexdigest()


def read_signed(path: Path) -> Signed:
    """Return what a file holds: the API's answer, or what an export wrote. Raises NotACheckpoint.

    A file without keys is of one key only, which must be known otherwise.
    """
    checkpoint = read_kept(path)
    listed: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8")).get("keys", [])
    try:
        fields = [{n: v for n, v in key.items() if n != "last_checkpoint"} for key in listed]
        if any(each.pop("type") != KEY for each in fields):
            raise NotACheckpoint(f"{path} holds something else than keys")
        return Signed(checkpoint, [CheckpointKeyIntroduced.model_validate(f) for f in fields])
    except (ValueError, KeyError, AttributeError) as error:
        raise NotACheckpoint(f"{path} holds no keys: {type(error).__name__}") from None


class Held:
    """The history of a file while it is read, held against what a checkpoint signed of it."""

    def __init__(self, checkpoint: CheckpointSigned) -> None:
        self.checkpoint = checkpoint
        self._signed = {head.partition: head for head in checkpoint.heads}
        self._trees = {head.partition: Grown() for head in checkpoint.heads}

    def take(self, link: LinkLine) -> None:
        """Take the next link of a partition. Raises NotSigned where it is not what was signed."""
        tree = self._trees.get(link.partition)
        if tree is None:
            raise NotSigned(f"partition {link.partition} is none of those that were signed")
        signed = self._signed[link.partition]
        if tree.growing.size < signed.links:
            for _ in tree.growing.add(merkle.leaf(bytes.fromhex(link.link))):
                pass
            tree.link, tree.position = bytes.fromhex(link.link), link.first + link.count - 1
            if tree.growing.size == signed.links:
                self._require(link.partition)

    def require_all(self) -> None:
        """Raises NotSigned if the file ends before what was signed does."""
        for partition in self._signed:
            self._require(partition)

    def _require(self, partition: int) -> None:
        signed = self._signed[partition]
        if self._trees[partition].head(partition) != signed:
            where = f"partition {partition} up to position {signed.position}"
            raise NotSigned(f"{where} is not what checkpoint {self.checkpoint.n} signed")


def signed_beside(path: Path) -> Path:
    """Return where the checkpoint of an exported file is written."""
    return path.with_name(path.name + ".checkpoint.json")


async def write_signed(connection: Connection, path: Path, proof: Proof) -> None:
    """Write the newest checkpoint of what is in an exported file beside it, if one was signed."""
    assert proof.header is not None
    signed = await newest_within(connection, proof.header)
    if signed is not None:
        signed_beside(path).write_text(signed.text(), encoding="utf-8")


async def newest_within(connection: Connection, header: HeaderLine) -> Signed | None:
    """Return the newest checkpoint of what a file holds, None if none was signed that early."""
    ends = {head.partition: head.position for head in header.heads}
    newest = await checkpoint_log.newest(connection)
    low, high = 0, newest.n if newest else 0
    found: CheckpointSigned | None = None
    while low < high:  # heads only grow: halve what is left until the last one that fits
        middle = (low + high + 1) // 2
        tried = await checkpoint_log.numbered(connection, middle)
        if tried and all(head.position <= ends.get(head.partition, -1) for head in tried.heads):
            low, found = middle, tried
        else:
            high = middle - 1
    return found and Signed(found, await checkpoint_log.keys(connection))

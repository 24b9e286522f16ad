"""Check receipts, checkpoints and their consistency of a Kembalian ledger, offline.

One file that needs Python 3.11 and the package `cryptography`, and nothing of the ledger's own
code: you need not trust whom you check. Give it what the API answered, in any number of files:

    python kembalian_verify.py receipt.json --key KEY            # .../ledger/events/{id}/receipt
    python kembalian_verify.py event.json proof.json --key KEY   # .../{id}, .../{id}/proof
    python kembalian_verify.py checkpoint.json --key KEY         # .../ledger/checkpoints/{n}
    python kembalian_verify.py consistency.json --key KEY --checkpoint kept.json

KEY is the public key that you trust: 64 hexadecimal digits, or a file with them, or a file with
the answer of /ledger/keys (then its first key is trusted: compare it once with what you kept).
Later keys are believed because each is signed by the one before it. A first key that an answer
shows, which signs itself, proves nothing and is passed over, be it yours or not: all trust comes
from KEY, and whoever trusts a later key need not know the first. Exit code: 0 all is proven,
1 something is not, 2 it could not be checked: a file is missing, or is no answer of the API.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

Json = dict[str, Any]
EMPTY_ROOT = sha256(b"").hexdigest()


UNREADABLE = (
    LookupError,
    TypeError,
    ValueError,
    OSError,
    ArithmeticError,
    AttributeError,
    RecursionError,
)
"""What comes of files that are no answers of the API: whatever was sent, it is told, not thrown."""


class NotProven(Exception):
    """Something is not as it must be."""


def main(arguments: list[str]) -> int:
    """Check what the files hold; print a line for each thing that is proven."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", help="answers of the API")
    parser.add_argument("--key", required=True, help="the public key, or a file with it")
    parser.add_argument("--keys", help="a file with the answer of /ledger/keys: later keys")
    parser.add_argument("--checkpoint", help="a checkpoint that you kept")
    given = parser.parse_args(arguments)
    try:
        parts = [part for name in given.files for part in parts_of(read(name))]
        listed = parts_of(read(given.keys)) if given.keys else []
        keys = Keys(given.key, [*parts, *listed])
        kept = read(given.checkpoint) if given.checkpoint else None
        for line in proven(parts, keys, kept):
            print(plain(line))
    except NotProven as wrong:
        print(plain(f"NOT PROVEN: {wrong}"))
        return 1
    except UNREADABLE as error:
        print(plain(f"could not check: {error!r}"), file=sys.stderr)
        return 2
    return 0


def plain(text: str) -> str:
    """Return one line of ASCII: a file may hold what ends a line, or moves a terminal's cursor."""
    return text.encode("unicode_escape").decode()


def read(name: str) -> Json:
    """Return the JSON object in a file."""
    found: Any = json.loads(Path(name).read_text(encoding="utf-8"))
    if not isinstance(found, dict):
        raise TypeError(f"{name} is not an answer of the API")
    return cast("Json", found)


def parts_of(answer: Json) -> list[Json]:
    """Return an answer, or the answers inside a receipt or a list, with the keys that it shows."""
    if "proof" in answer:
        return [answer["event"], *parts_of(answer["proof"])]
    shown = answer.get("items", [answer])
    return [*shown, *answer.get("keys", [])]


def proven(parts: list[Json], keys: "Keys", kept: Json | None) -> Iterator[str]:
    """Yield what is proven. Raises NotProven at the first thing that is not."""
    events = {part["event_id"]: part for part in parts if "body" in part}
    done = 0
    for part in parts:
        if "group" in part:
            yield inclusion(events.get(part["event_id"]), part, keys)
        elif "partitions" in part:
            yield consistency(part, keys)
        elif "heads" in part:
            yield checkpoint(part, keys)
        else:
            continue
        done += 1
    if not done:
        raise ValueError("no proof, checkpoint or consistency among the files")
    if kept is not None:
        yield checkpoint(kept, keys) + " (the one that you kept)"
        yield from same(kept, parts)


def same(kept: Json, parts: list[Json]) -> Iterator[str]:
    """Compare a kept checkpoint with those of the same number in the answers."""
    shown = [part["checkpoint"] for part in parts if "checkpoint" in part]
    shown += [part[name] for part in parts if "partitions" in part for name in ("from", "to")]
    shown += [part for part in parts if "heads" in part]
    found = [other for other in shown if other["n"] == kept["n"]]
    if not found:
        raise NotProven(f"no answer is about checkpoint {kept['n']}, which you kept")
    for other in found:
        if signed(other) != signed(kept):
            raise NotProven(f"there are two checkpoints {kept['n']}: the history was forked")
    yield f"checkpoint {kept['n']} is the one that you kept"


# --- what is signed ---------------------------------------------------------------------------


def canonical(fields: Json) -> bytes:
    """Return RFC 8785's bytes of an object of plain ASCII texts and integers."""
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()


def signed(statement: Json) -> bytes:
    """Return the bytes that a checkpoint or the introduction of a key signs."""
    names = ("type", "n", "at", "previous", "events", "heads", "key_id")
    if "public_key" in statement:
        names = ("type", "key_id", "public_key", "first_checkpoint", "at", "signed_by")
    return canonical({name: statement[name] for name in names})


def check_signature(statement: Json, public_key: str) -> None:
    """Raises NotProven unless `public_key` signed the statement."""
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
        key.verify(bytes.fromhex(statement["signature"]), signed(statement))
    except InvalidSignature:
        what = f"checkpoint {statement['n']}" if "n" in statement else "a key"
        raise NotProven(f"the signature of {what} is false") from None


class Keys:
    """The keys that may be believed: the trusted one, and those that follow it."""

    def __init__(self, trusted: str, parts: list[Json]) -> None:
        listed = [part for part in parts if "public_key" in part]
        text = Path(trusted).read_text(encoding="utf-8") if Path(trusted).is_file() else trusted
        if text.lstrip().startswith("{"):
            listed += json.loads(text)["items"]
            text = json.loads(text)["items"][0]["public_key"]
        root = text.strip().lower()
        self.public = {sha256(bytes.fromhex(root)).hexdigest(): root}
        self.first = dict.fromkeys(self.public, 1)
        self.until: dict[str, int] = {}
        self.next: dict[str, str] = {}
        for key in sorted(listed, key=lambda key: int(key["first_checkpoint"])):
            self._follow(key)

    def _follow(self, key: Json) -> None:
        """Believe a key whose introduction is signed by one that is believed."""
        if key["type"] != "kembalian.checkpoint-key.v1":
            raise NotProven("the introduction of a key is something else")
        by, key_id = key["signed_by"], key["key_id"]
        if by not in self.public or key_id == by:
            return
        check_signature(key, self.public[by])
        if sha256(bytes.fromhex(key["public_key"])).hexdigest() != key_id:
            raise NotProven("the id of a key is not that of the key")
        if self.next.setdefault(by, key_id) != key_id:
            raise NotProven("a key has two successors: the history was forked")
        self.until[by] = key["first_checkpoint"] - 1
        self.public[key_id] = key["public_key"]
        self.first[key_id] = key["first_checkpoint"]

    def check(self, statement: Json) -> None:
        """Raises NotProven unless a key that is believed signed this checkpoint."""
        key_id, n = statement["key_id"], statement["n"]
        if statement["type"] != "kembalian.checkpoint.v1":
            raise NotProven("this is not a checkpoint")
        if key_id not in self.public:
            raise NotProven(f"checkpoint {n} is signed by a key that you do not trust: {key_id}")
        if not self.first[key_id] <= n <= self.until.get(key_id, n):
            raise NotProven(f"checkpoint {n} is signed by a key that was not the one to sign it")
        check_signature(statement, self.public[key_id])


def checkpoint(statement: Json, keys: Keys) -> str:
    """Check a checkpoint's signature and its sum."""
    keys.check(statement)
    if statement["events"] != sum(head["position"] for head in statement["heads"]):
        raise NotProven(f"checkpoint {statement['n']} does not add up")
    return f"checkpoint {statement['n']} of {statement['at']}, {statement['events']} events"


# --- RFC 9162, sections 2.1.3.2 and 2.1.4.2 ---------------------------------------------------


def leaf(data: bytes) -> bytes:
    """Return the hash of a leaf."""
    return sha256(b"\x00" + data).digest()


def node(left: bytes, right: bytes) -> bytes:
    """Return the hash over two hashes."""
    return sha256(b"\x01" + left + right).digest()


def root_by_path(made: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """Return the root that an audit path leads to. Raises NotProven for a path that cannot be."""
    if not 0 <= index < size:
        raise NotProven("the place is outside its tree")
    fn, sn = index, size - 1
    for part in path:
        if sn == 0:
            raise NotProven("a path is too long")
        if fn & 1 or fn == sn:
            made = node(part, made)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            made = node(made, part)
        fn, sn = fn >> 1, sn >> 1
    if sn:
        raise NotProven("a path is too short")
    return made


def is_consistent(old: int, new: int, roots: tuple[bytes, bytes], path: list[bytes]) -> bool:
    """Tell whether the tree of `old` leaves is the beginning of that of `new` leaves."""
    if old in (0, new):
        empty = old == 0 and roots[0].hex() == EMPTY_ROOT
        return not path and (empty or (old == new and roots[0] == roots[1]))
    if not 0 < old < new or not path:
        return False
    if old & (old - 1) == 0:
        path = [roots[0], *path]
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    first = second = path[0]
    for part in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            first, second = node(part, first), node(part, second)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            second = node(second, part)
        fn, sn = fn >> 1, sn >> 1
    return (first, second, sn) == (*roots, 0)


# --- receipts and histories -------------------------------------------------------------------


def inclusion(event: Json | None, proof: Json, keys: Keys) -> str:
    """Check that the event's bytes are in the history that a checkpoint signed."""
    if event is None:
        raise ValueError(f"the event {proof['event_id']} itself is not among the files")
    said, group, tree = json.loads(event["body"]), proof["group"], proof["tree"]
    whole(proof["partition"], tree["index"], group["first_position"], group["index"])
    whole(group["count"], group["recorded_at"])
    position = group["first_position"] + group["index"]
    place = f"{proof['partition']}-{position}"
    shown = (event["event_id"], event["ledger_position"], event["at"], canonical(event["event"]))
    if shown != (said["id"], place, time_of(group["recorded_at"]), canonical(said)):
        raise NotProven("what the receipt shows is not what its bytes and its place say")
    signed_by = checkpoint(proof["checkpoint"], keys)
    made = leaf(event["body"].encode())
    root = root_by_path(made, group["index"], group["count"], hashes(group["path"]))
    numbers = (group["first_position"], group["count"], group["recorded_at"])
    packed = b"".join(number.to_bytes(8, "big", signed=True) for number in numbers)
    link = sha256(bytes.fromhex(group["previous"]) + packed + root).digest()
    head = head_of(proof["checkpoint"], proof["partition"])
    top = root_by_path(leaf(link), tree["index"], head["links"], hashes(tree["path"]))
    if top.hex() != head["root"]:
        raise NotProven(f"event {event['event_id']} is not in the history that was signed")
    if position > head["position"]:
        raise NotProven("the event's place is after the end of what was signed")
    return f"event {said['id']} ({said['type']}) recorded at {event['at']} in {signed_by}"


def consistency(answer: Json, keys: Keys) -> str:
    """Check that the later checkpoint's history begins with the earlier one's."""
    before, after = answer["from"], answer["to"]
    checkpoint(before, keys)
    checkpoint(after, keys)
    whole(*(part["partition"] for part in answer["partitions"]))
    if before["n"] > after["n"] or before["at"] > after["at"]:
        raise NotProven("the later checkpoint is the earlier one")
    paths = {part["partition"]: hashes(part["path"]) for part in answer["partitions"]}
    if [h["partition"] for h in before["heads"]] != [h["partition"] for h in after["heads"]]:
        raise NotProven("the two checkpoints are over other partitions")
    for old, new in zip(before["heads"], after["heads"], strict=True):
        roots = (bytes.fromhex(old["root"]), bytes.fromhex(new["root"]))
        path = paths[old["partition"]]
        kept = old["position"] <= new["position"]
        if not kept or not is_consistent(old["links"], new["links"], roots, path):
            changed = f"partition {old['partition']} was changed or cut before {old['position']}"
            raise NotProven(f"{changed}: checkpoint {after['n']} does not go on from it")
    return f"checkpoint {after['n']} goes on from {before['n']}: nothing before was changed or cut"


def whole(*numbers: object) -> None:
    """Raises ValueError for what is no integer: 1.0 and true would pass for 1."""
    wrong = [number for number in numbers if type(number) is not int]
    if wrong:
        raise ValueError(f"not an integer: {wrong[0]!r}")


def time_of(microseconds: int) -> str:
    """Return microseconds since 1970 as the ledger writes a time."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def hashes(texts: list[str]) -> list[bytes]:
    """Return the hashes of a path. Raises ValueError for what is no hash."""
    found = [bytes.fromhex(text) for text in texts]
    if any(len(each) != 32 for each in found):
        raise ValueError("a hash has 32 bytes")
    return found


def head_of(statement: Json, partition: int) -> Json:
    """Return the head of one partition."""
    return next(head for head in statement["heads"] if head["partition"] == partition)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

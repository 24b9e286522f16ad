"""What a customer, an auditor and an outsider can prove, with the stand-alone verifier alone."""

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events import merkle, tree
from kembalian import kembalian_verify as alone
from kembalian.testing.signed import Calls, History, Verifier
from wallet_ledger import checkpoint_keys
from wallet_ledger.signing import SigningKey, new_key, read_keys, write_keys

OWN, OTHER = (f"01990000-0000-7000-8000-{n:012d}" for n in (1, 2))
SHOWN = ("type", "n", "at", "previous", "events", "heads", "key_id", "signature")

Change = Callable[[dict[str, Any]], object]


async def trusted(calls: Calls) -> str:
    return (await calls.get("/keys"))["items"][0]["public_key"]


async def a_receipt(history: History, calls: Calls) -> tuple[dict[str, Any], str]:
    """Return the receipt of an event amid a commit of many, and the public key."""
    await history.append(*([1] * 70))
    wanted = (await history.append(5, 1, wallet=OTHER))[3]
    await history.append(*([2] * 64))
    await history.signer().look()
    return await calls.get(f"/events/{wanted}/receipt"), await trusted(calls)


async def test_every_event_has_a_receipt_that_is_proven(
    history: History, calls: Calls, verifier: Verifier
) -> None:
    signer = history.signer()
    await history.append(*([1] * 66), 7, 1)
    await history.append(3, 1, wallet=OTHER)
    await signer.look()
    await history.append(*([1] * 70))
    await signer.look()
    key = await trusted(calls)

    for _, event_id in history.events[::5]:
        receipt = await calls.get(f"/events/{event_id}/receipt")
        assert verifier.check(receipt, key=key) == 0
    old = await calls.get(f"/events/{history.events[70][1]}/proof", checkpoint="1")
    event = await calls.get(f"/events/{history.events[70][1]}")
    assert old["checkpoint"]["n"] == 1
    assert verifier.check(event, old, key=key) == 0


async def test_a_customer_checks_a_receipt_with_one_file_and_the_public_key(
    history: History, calls: Calls, verifier: Verifier
) -> None:
    receipt, key = await a_receipt(history, calls)

    done = verifier.run(receipt, key=key)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"event {receipt['event']['event_id']} (kembalian.wallet.TopUp")
    assert "checkpoint 1 of" in done.stdout
    other = verifier.run(receipt, key=new_key().public_key)
    assert other.returncode == 1
    assert "a key that you do not trust" in other.stdout
    assert verifier.run({"nothing": 1}, key=key).returncode == 2


def flipped(text: str) -> str:
    return ("0" if text[0] != "0" else "1") + text[1:]


def changed(part: str, *path: str | int, to: Any = None) -> Change:
    """Return what changes one place of a receipt: flips a hash, or puts `to` there."""

    def change(receipt: dict[str, Any]) -> None:
        target: Any = receipt[part]
        for step in path[:-1]:
            target = target[step]
        target[path[-1]] = flipped(target[path[-1]]) if to is None else to

    return change


def retell(receipt: dict[str, Any]) -> None:
    """Let event and bytes tell another amount."""
    receipt["event"]["event"]["data"]["amount"] = 2
    receipt["event"]["body"] = json.dumps(receipt["event"]["event"])


CHANGES: list[Change] = [
    retell,
    changed("event", "event", "data", "amount", to=2),
    changed("event", "ledger_position", to="0-1"),
    changed("event", "at", to="2026-01-01T00:00:00.000000Z"),
    changed("proof", "partition", to=7),
    changed("proof", "group", "first_position", to=2),
    changed("proof", "group", "count", to=6),
    changed("proof", "group", "recorded_at", to=1),
    changed("proof", "group", "index", to=0),
    changed("proof", "group", "previous"),
    changed("proof", "group", "path", 0),
    changed("proof", "group", "path", to=[]),
    changed("proof", "tree", "index", to=1),
    changed("proof", "tree", "path", to=["0" * 64]),
    changed("proof", "checkpoint", "at", to="2026-01-01T00:00:00.000000Z"),
    changed("proof", "checkpoint", "previous"),
    changed("proof", "checkpoint", "heads", 3, "root"),
    changed("proof", "checkpoint", "signature"),
    changed("proof", "checkpoint", "type", to="kembalian.checkpoint-key.v1"),
]


async def test_no_changed_receipt_is_taken(
    history: History, calls: Calls, verifier: Verifier
) -> None:
    receipt, key = await a_receipt(history, calls)
    assert verifier.check(receipt, key=key) == 0
    for number, change in enumerate(CHANGES):
        forged = copy.deepcopy(receipt)
        change(forged)

        assert forged != receipt, number
        assert verifier.check(forged, key=key) == 1, number


def places(value: Any, *path: str | int) -> Iterator[tuple[str | int, ...]]:
    """Yield where anything is in a JSON value; of a list the first alone."""
    yield path
    if isinstance(value, dict):
        for name, inner in cast("dict[str, Any]", value).items():
            yield from places(inner, *path, name)
    elif isinstance(value, list):
        for n, inner in enumerate(cast("list[Any]", value)[:1]):
            yield from places(inner, *path, n)


STRANGE: list[Any] = [None, True, 1.0, 2**70, "\ud800", []]
NO_ANSWERS = [
    '{"event":{},"proof":[]}',
    '{"proof":' * 100_000,
    "[" * 100_000,
    "9" * 5_000,
    '{"items":"abc"}',
    '{"items":[1]}',
    '{"keys":5}',
    "null",
    "",
    "\x00",
]


@pytest.mark.parametrize("text", NO_ANSWERS, ids=range(len(NO_ANSWERS)))
def test_what_is_no_answer_could_not_be_checked(tmp_path: Path, text: str) -> None:
    (tmp_path / "sent.json").write_text(text)

    assert alone.main([str(tmp_path / "sent.json"), "--key", "00" * 32]) == 2


async def test_whatever_a_receipt_holds_it_is_told_and_no_traceback(
    history: History, calls: Calls, verifier: Verifier
) -> None:
    receipt, key = await a_receipt(history, calls)
    consistent = await calls.get("/checkpoints/1/consistency", **{"from": "1"})
    shown = 0
    for answer in (receipt, consistent):
        for path in places(answer):
            for strange in STRANGE:
                forged = copy.deepcopy(answer)
                target: Any = forged
                for step in path[:-1]:
                    target = target[step]
                if not path or json.dumps(target[path[-1]]) == json.dumps(strange):
                    continue
                target[path[-1]] = strange
                code = verifier.check(forged, key=key)
                unread = "keys" in path  # a first key that signs itself: nothing is believed for it
                assert code in (1, 2) or (unread and code == 0), (path, strange)
                shown += 1
    assert shown > 200


@pytest.mark.parametrize(
    "path",
    [
        ("partition",),
        ("tree", "index"),
        *(("group", name) for name in ("first_position", "index", "count", "recorded_at")),
    ],
)
async def test_a_number_that_is_no_integer_could_not_be_checked(
    history: History, calls: Calls, verifier: Verifier, path: tuple[str, ...]
) -> None:
    await history.append(1)
    await history.signer().look()
    receipt = await calls.get(f"/events/{history.events[0][1]}/receipt")
    key = await trusted(calls)
    for other in (float, bool, str):
        forged = copy.deepcopy(receipt)
        target = forged["proof"] if len(path) == 1 else forged["proof"][path[0]]
        target[path[-1]] = other(target[path[-1]])

        assert verifier.check(forged, key=key) == 2, other


async def test_what_a_file_holds_moves_no_cursor(
    history: History, calls: Calls, verifier: Verifier
) -> None:
    receipt, key = await a_receipt(history, calls)
    receipt["proof"]["checkpoint"]["key_id"] = "\ud800\x1b[2J\nevent 1 recorded"

    told = verifier.run(receipt, key=key)

    assert (told.returncode, told.stderr, told.stdout.count("\n")) == (1, "", 1)
    assert told.stdout.isascii()
    assert "\x1b" not in told.stdout


async def test_a_proof_holds_hashes_and_nothing_of_others(history: History, calls: Calls) -> None:
    receipt, _ = await a_receipt(history, calls)

    text = json.dumps(receipt["proof"])

    assert OWN not in text
    assert OTHER not in text
    others = {str(event_id) for _, event_id in history.events} - {receipt["event"]["event_id"]}
    assert not any(event_id in text for event_id in others)


async def test_checkpoints_go_on_from_each_other(
    history: History, calls: Calls, verifier: Verifier
) -> None:
    signer = history.signer()
    for count in (1, 62, 2, 1, 70):
        await history.append(*([1] * count))
        await history.append(1, wallet=OTHER)
        await signer.look()
    key = await trusted(calls)
    for old in range(1, 6):
        for new in range(old, 6):
            query = {"from": str(old)}
            answer = await calls.get(f"/checkpoints/{new}/consistency", **query)
            assert verifier.check(answer, key=key) == 0
    kept = await calls.get("/checkpoints/2")
    words = ["--checkpoint", *verifier.files(kept)]
    answer = await calls.get("/checkpoints/latest/consistency", **{"from": "2"})
    assert verifier.check(answer, key=key, words=words) == 0
    for part in answer["partitions"]:
        for place in range(len(part["path"])):
            forged = copy.deepcopy(answer)
            path = forged["partitions"][part["partition"]]["path"]
            path[place] = flipped(path[place])
            assert verifier.check(forged, key=key) == 1


async def test_a_fork_is_seen_by_who_kept_a_checkpoint(
    history: History, calls: Calls, verifier: Verifier
) -> None:
    """The house itself rewrites history and signs it anew with its own key."""
    await history.append(1, 1)
    await history.signer().look()
    kept = await calls.get("/checkpoints/1")
    await history.as_superuser(
        "UPDATE log.counter SET position = 0, link = decode(repeat('00', 32), 'hex')",
        "TRUNCATE log.event, log.link, log.lease, view.tree_node",
    )
    history.versions.clear()
    await history.append(1, 1, 1)
    await history.signer().look()
    key = await trusted(calls)
    again = await calls.get("/checkpoints/1")

    assert verifier.check(again, key=key) == 0
    assert verifier.check(again, key=key, words=["--checkpoint", *verifier.files(kept)]) == 1


async def test_after_a_rotation_the_first_key_still_proves_everything(
    history: History, calls: Calls, verifier: Verifier
) -> None:
    signer = history.signer()
    await history.append(1)
    await signer.look()
    first = await trusted(calls)
    old_file = history.key_file.read_bytes()

    made = await checkpoint_keys.rotate(history.databases.app_dsn, history.key_file)
    await history.append(1)
    with pytest.raises(Exception, match="the writer expected"):
        await signer.look()  # it finds that somebody else has written, and looks again
    assert (await signer.look()) is not None

    assert old_file not in history.key_file.read_bytes(), "the old private key is gone"
    keys = await calls.get("/keys")
    assert [(k["first_checkpoint"], k["last_checkpoint"]) for k in keys["items"]] == [
        (1, 1),
        (2, None),
    ]
    newest = await calls.get("/checkpoints/latest")
    assert (newest["n"], newest["key_id"]) == (2, made.key_id)
    answer = await calls.get("/checkpoints/2/consistency", **{"from": "1"})
    assert verifier.check(answer, key=first) == 0
    assert verifier.check(newest, key=first) == 1, "a key that nobody introduced"
    words = ["--keys", *verifier.files(keys)]
    assert verifier.check(newest, key=first, words=words) == 0
    receipt = await calls.get(f"/events/{history.events[0][1]}/receipt")
    assert verifier.check(receipt, key=first) == 0


async def test_a_rotation_that_was_killed_is_finished_by_the_next(
    history: History, calls: Calls
) -> None:
    await history.append(1)
    await history.signer().look()
    [current] = read_keys(history.key_file)
    left = new_key()
    write_keys(history.key_file, [current, left])

    made = await checkpoint_keys.rotate(history.databases.app_dsn, history.key_file)

    assert made.key_id == left.key_id
    assert [key.key_id for key in read_keys(history.key_file)] == [left.key_id]


def key_statement(by: SigningKey, key: SigningKey, first: int) -> dict[str, Any]:
    made = by.introduces(key, first_checkpoint=first, at="2026-01-01T00:00:00.000000Z")
    return {"type": "kembalian.checkpoint-key.v1", **made.model_dump(mode="json")}


async def test_no_key_is_believed_that_its_predecessor_did_not_introduce(
    history: History, calls: Calls, verifier: Verifier
) -> None:
    await history.append(1)
    await history.signer().look()
    [real] = read_keys(history.key_file)
    thief = new_key()
    checkpoint = await calls.get("/checkpoints/1")
    fields = {name: checkpoint[name] for name in SHOWN[1:-1]} | {"key_id": thief.key_id}
    forged = {"type": checkpoint["type"], **thief.checkpoint(fields).model_dump(mode="json")}
    own = key_statement(thief, thief, 1)
    claimed = {**key_statement(thief, thief, 1), "signed_by": real.key_id}
    later = key_statement(real, thief, 2)  # true, but for later checkpoints

    for keys in ([], [own], [claimed], [later]):
        listed = {**forged, "keys": keys}
        assert verifier.check(listed, key=real.public_key) == 1
    fork = {**checkpoint, "keys": [key_statement(real, new_key(), 2), later]}
    assert verifier.check(fork, key=real.public_key) == 1


@given(st.integers(1, 70), st.data())
def test_only_the_true_path_proves_a_leaf(size: int, data: st.DataObject) -> None:
    known: dict[tree.Subtree, bytes] = {}
    growing = tree.Growing()
    leaves = [merkle.leaf(b"%d" % n) for n in range(size)]
    for leaf in leaves:
        known.update(growing.add(leaf))
    root = growing.root()
    index = data.draw(st.integers(0, size - 1))
    path = [tree.hash_of(each, known.__getitem__) for each in tree.inclusion(index, size)]

    assert alone.root_by_path(leaves[index], index, size, path) == root
    forged = list(path)
    match data.draw(st.sampled_from(["leaf", "index", "flip", "drop", "add"])):
        case "leaf" if size > 1:
            other = data.draw(st.integers(0, size - 1).filter(lambda n: n != index))
            assert not proves(leaves[other], index, size, path, root)
        case "index" if size > 1:
            other = data.draw(st.integers(0, size - 1).filter(lambda n: n != index))
            assert not proves(leaves[index], other, size, path, root)
        case "flip" if path:
            place = data.draw(st.integers(0, len(path) - 1))
            forged[place] = bytes([forged[place][0] ^ 1]) + forged[place][1:]
            assert not proves(leaves[index], index, size, forged, root)
        case "drop" if path:
            forged.pop(data.draw(st.integers(0, len(path) - 1)))
            assert not proves(leaves[index], index, size, forged, root)
        case _:
            forged.insert(data.draw(st.integers(0, len(path))), root)
            assert not proves(leaves[index], index, size, forged, root)


def proves(leaf: bytes, index: int, size: int, path: list[bytes], root: bytes) -> bool:
    try:
        return alone.root_by_path(leaf, index, size, path) == root
    except alone.NotProven:
        return False


def test_all_sizes_are_consistent_and_no_other_history_is() -> None:
    known: dict[tree.Subtree, bytes] = {}
    growing = tree.Growing()
    roots = [growing.root()]
    for n in range(70):
        known.update(growing.add(merkle.leaf(b"%d" % n)))
        roots.append(growing.root())
    for new in range(71):
        for old in range(new + 1):
            path = [tree.hash_of(r, known.__getitem__) for r in tree.consistency(old, new)]
            assert alone.is_consistent(old, new, (roots[old], roots[new]), path)
            other = merkle.leaf(roots[old])
            assert not alone.is_consistent(old, new, (other, roots[new]), path)
            if old:
                assert not alone.is_consistent(old, new, (roots[old], other), path)
                assert not alone.is_consistent(old, new, (roots[old], roots[new]), [*path, other])
            for place in range(len(path)):
                forged = [*path[:place], other, *path[place + 1 :]]
                assert not alone.is_consistent(old, new, (roots[old], roots[new]), forged)

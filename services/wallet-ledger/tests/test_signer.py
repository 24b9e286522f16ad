"""Who signs, when, and what: on real PostgreSQL, with processes that come and go."""

import asyncio
from hashlib import sha256
from pathlib import Path

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from events import merkle, tree
from events.contracts.checkpoint import CheckpointSigned
from kembalian.testing.signed import History
from wallet_ledger import checkpoint_log, trees
from wallet_ledger.checkpoints import NOTHING, Pace, canonical, signed_bytes
from wallet_ledger.growth import HistoryChanged
from wallet_ledger.signer import Signer
from wallet_ledger.signing import NoKey, is_signed, new_key, read_keys, write_keys


async def keys_of(history: History) -> dict[str, str]:
    async with history.pool.acquire() as connection:
        return {key.key_id: key.public_key for key in await checkpoint_log.keys(connection)}


async def all_of(history: History) -> list[CheckpointSigned]:
    async with history.pool.acquire() as connection:
        return await checkpoint_log.after(connection, 0, 1_000)


async def roots(history: History) -> dict[int, tuple[int, str]]:
    """Return partition -> (links, root), straight from the definition."""
    found: dict[int, tuple[int, str]] = {}
    for partition in range(8):
        rows = await history.pool.fetch(
            "SELECT link FROM log.link WHERE partition = $1 ORDER BY first_position", partition
        )
        links = [row["link"] for row in rows]
        found[partition] = (len(links), (merkle.root(links) if links else tree.EMPTY).hex())
    return found


async def release(signer: Signer) -> None:
    """End a signer's process in order."""
    await signer.leases.release()


async def test_a_checkpoint_is_over_all_heads_and_names_the_one_before(history: History) -> None:
    signer = history.signer()
    await history.append(1, 3, 2)
    first = await signer.look()
    await history.append(2, wallet="01990000-0000-7000-8000-000000000002")
    second = await signer.look()

    assert first is not None
    assert second is not None
    assert [(c.n, c.events) for c in (first, second)] == [(1, 6), (2, 8)]
    assert first.previous == NOTHING
    assert second.previous == sha256(signed_bytes(first)).hexdigest()
    assert {h.partition: (h.links, h.root) for h in second.heads} == await roots(history)
    assert await all_of(history) == [first, second]
    keys = await keys_of(history)
    assert all(is_signed(each, keys) for each in (first, second))
    assert not is_signed(second.model_copy(update={"events": 9}), keys)


async def test_at_rest_nothing_is_signed_again(history: History) -> None:
    signer = history.signer()
    assert await signer.look() is None, "an empty ledger has nothing to sign"
    await history.append(1)
    assert await signer.look() is not None

    assert [await signer.look() for _ in range(3)] == [None, None, None]


@pytest.mark.parametrize(
    ("unsigned", "age", "due"),
    [(0, 1e9, False), (1, 59.9, False), (1, 60.0, True), (999, 0.0, False), (1_000, 0.0, True)],
)
def test_one_is_due_after_so_many_events_or_so_long(unsigned: int, age: float, due: bool) -> None:
    assert Pace(1_000, 60.0).is_due(unsigned, age) == due


async def test_a_tree_of_many_blocks_grows_over_restarts_to_the_same_root(history: History) -> None:
    sizes = [1] * 70 + [2] * 60 + [1] * 130
    first = history.signer()
    for start in range(0, len(sizes), 37):
        await history.append(*sizes[start : start + 37])
        checkpoint = await first.look()
        assert checkpoint is not None
        assert {h.partition: (h.links, h.root) for h in checkpoint.heads} == await roots(history)
        if start % 2:  # every other time another process goes on
            await release(first)
            first = history.signer()

    nodes = await history.pool.fetchval("SELECT count(*) FROM view.tree_node WHERE level = 6")
    assert nodes == len(sizes) // trees.BLOCK


@pytest.mark.parametrize("lost", [[(6, 0), (6, 1), (6, 2), (7, 0)], [(7, 0)], [(6, 1)]])
async def test_lost_subtrees_are_made_again(history: History, lost: list[tuple[int, int]]) -> None:
    await history.append(*([1] * 200))
    signer = history.signer()
    await signer.look()
    before = await history.pool.fetch("SELECT * FROM view.tree_node ORDER BY 1, 2, 3")

    statement = "DELETE FROM view.tree_node WHERE level = $1 AND index = $2"
    await history.pool.executemany(statement, lost)
    await release(signer)
    await history.append(1)
    await history.signer().look()

    assert await history.pool.fetch("SELECT * FROM view.tree_node ORDER BY 1, 2, 3") == before
    assert len(before) == 4
    assert {h.partition: (h.links, h.root) for h in (await all_of(history))[-1].heads} == (
        await roots(history)
    )


async def test_the_running_signer_notices_that_its_subtrees_are_gone(history: History) -> None:
    await history.append(*([1] * 130))
    signer = history.signer()
    await signer.look()
    await history.pool.execute("DELETE FROM view.tree_node")

    assert await signer.look() is None

    assert await history.pool.fetchval("SELECT count(*) FROM view.tree_node") == 3


async def test_of_two_processes_one_signs_and_the_other_takes_over(history: History) -> None:
    one, two = history.signer(), history.signer()
    await history.append(1)
    made = await asyncio.gather(one.look(), two.look())
    assert sum(checkpoint is not None for checkpoint in made) == 1

    await release(one)
    await release(two)
    await history.append(1)
    assert await two.look() is not None
    assert await one.look() is None

    assert [checkpoint.n for checkpoint in await all_of(history)] == [1, 2]


async def test_one_that_slept_while_another_signed_is_fenced(history: History) -> None:
    asleep, awake = history.signer(), history.signer()
    await history.append(1)
    await asleep.look()
    await history.as_superuser(
        "UPDATE log.lease SET expires_at = '-infinity' WHERE name = 'checkpoints'"
    )
    await history.append(1)
    await awake.look()
    await history.append(1)

    with pytest.raises(Exception, match="fenced"):
        await asleep.look()

    assert [checkpoint.n for checkpoint in await all_of(history)] == [1, 2]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE log.link SET link = sha256('x') WHERE first_position = 3",
        "UPDATE log.link SET root = sha256('x') WHERE first_position = 3",
        "DELETE FROM log.link WHERE first_position = 3",
        "UPDATE log.counter SET link = sha256('x') WHERE position = 4",
    ],
)
async def test_what_does_not_continue_the_chain_is_not_signed(
    history: History, change: str
) -> None:
    signer = history.signer()
    await history.append(1, 1)
    await signer.look()
    await history.append(1, 1)
    await history.as_superuser(change)

    with pytest.raises(HistoryChanged):
        await signer.look()

    assert len(await all_of(history)) == 1


async def test_another_history_than_the_signed_one_is_not_gone_on_from(history: History) -> None:
    signer = history.signer()
    await history.append(1, 1, 1)
    await signer.look()
    await release(signer)
    await history.as_superuser("UPDATE log.link SET link = sha256('x') WHERE first_position = 2")

    with pytest.raises(HistoryChanged):
        await history.signer().look()


async def test_without_its_key_nothing_is_signed(history: History, tmp_path: Path) -> None:
    await history.append(1)
    write_keys(history.key_file, [new_key()])
    signer = history.signer()
    await signer.look()
    await release(signer)
    write_keys(history.key_file, [new_key()])

    with pytest.raises(NoKey, match="does not hold the key"):
        await history.signer().look()
    history.key_file.write_text(
        "-----BEGIN PRIVATE KEY-----\nc2VzYW1l\n-----END PRIVATE KEY-----\n"
    )
    with pytest.raises(NoKey) as refusal:
        read_keys(history.key_file)
    assert "c2VzYW1l" not in str(refusal.value)
    with pytest.raises(NoKey):
        read_keys(tmp_path / "none")


def test_a_key_file_is_for_us_alone(tmp_path: Path) -> None:
    keys = [new_key(), new_key()]

    write_keys(tmp_path / "key.pem", keys)

    assert (tmp_path / "key.pem").stat().st_mode & 0o777 == 0o600
    assert [k.key_id for k in read_keys(tmp_path / "key.pem")] == [k.key_id for k in keys]


@given(
    st.dictionaries(
        st.text(st.characters(min_codepoint=32, max_codepoint=126)),
        st.integers(-(2**53) + 1, 2**53 - 1)
        | st.text(st.characters(max_codepoint=126), max_size=9),
    )
)
def test_what_is_signed_is_canonical_json(fields: dict[str, int | str]) -> None:
    printable = {
        name: value
        for name, value in fields.items()
        if isinstance(value, int) or value.isprintable()
    }
    assert canonical(printable) == rfc8785.dumps(printable)  # pyright: ignore[reportArgumentType]

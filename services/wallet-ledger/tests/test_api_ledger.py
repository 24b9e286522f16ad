"""Who may read what of the ledger's history, and what is refused how."""

from kembalian.testing.signed import Calls, History

OWN, OTHER = (f"01990000-0000-7000-8000-{n:012d}" for n in (1, 2))
READERS = ("admin", "auditor", "finance")


async def test_anyone_reads_checkpoints_and_keys(history: History, calls: Calls) -> None:
    assert (await calls.get("/checkpoints", "guest")) == {"items": [], "next_cursor": None}
    assert (await calls.ask("/checkpoints/latest")).status_code == 404
    assert (await calls.get("/keys", "guest"))["items"] == []
    signer = history.signer()
    for _ in range(5):
        await history.append(1)
        await signer.look()

    first = await calls.get("/checkpoints", "guest", limit="2")
    rest = await calls.get("/checkpoints", "guest", limit="3", cursor=first["next_cursor"])

    assert [c["n"] for c in first["items"] + rest["items"]] == [1, 2, 3, 4, 5]
    assert rest["next_cursor"] is None
    assert await calls.get("/checkpoints/5", "guest") == rest["items"][-1]
    assert await calls.get("/checkpoints/latest", "cashier") == rest["items"][-1]
    assert [k["last_checkpoint"] for k in (await calls.get("/keys", "guest"))["items"]] == [None]


REFUSED: list[tuple[str, dict[str, str], int]] = [
    ("/checkpoints/0", {}, 422),
    ("/checkpoints/x", {}, 422),
    ("/checkpoints/９", {}, 422),
    ("/checkpoints/2", {}, 404),
    ("/checkpoints/999999999999999", {}, 404),
    ("/checkpoints/1/consistency", {}, 422),
    ("/checkpoints/1/consistency", {"from": "0"}, 422),
    ("/checkpoints/1/consistency", {"from": "2"}, 404),
    ("/checkpoints/2/consistency", {"from": "1"}, 404),
    ("/checkpoints", {"limit": "0"}, 422),
    ("/checkpoints", {"cursor": "x"}, 422),
    ("/events/x", {}, 422),
    (f"/events/{OWN}", {}, 404),
    (f"/events/{OWN}/proof", {}, 404),
]


async def test_what_is_not_there_is_404_and_what_cannot_be_422(
    history: History, calls: Calls
) -> None:
    await history.append(1)
    await history.signer().look()

    for path, query, status in REFUSED:
        answer = await calls.ask(path, "auditor", **query)
        assert answer.status_code == status, path


async def test_the_later_checkpoint_cannot_be_the_earlier_one(
    history: History, calls: Calls
) -> None:
    signer = history.signer()
    for _ in range(2):
        await history.append(1)
        await signer.look()

    answer = await calls.ask("/checkpoints/1/consistency", **{"from": "2"})

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["from"]


async def test_an_event_is_its_members_and_those_who_audit(history: History, calls: Calls) -> None:
    [event_id] = await history.append(1, wallet=OWN)
    await history.signer().look()
    for path in (f"/events/{event_id}{call}" for call in ("", "/proof", "/receipt")):
        for role in READERS:
            assert (await calls.ask(path, role)).status_code == 200
        assert (await calls.ask(path, "member", OWN)).status_code == 200
        assert (await calls.ask(path, "member", OTHER)).status_code == 404
        for role in ("cashier", "operator", "bank", "channel"):
            assert (await calls.ask(path, role)).status_code == 403
        assert (await calls.ask(path, "guest")).status_code == 401


async def test_before_a_checkpoint_holds_it_an_event_has_no_proof(
    history: History, calls: Calls
) -> None:
    signer = history.signer()
    [early] = await history.append(1)
    answer = await calls.ask(f"/events/{early}/proof", "auditor")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/not-yet-checkpointed")
    await signer.look()
    [late] = await history.append(1)

    assert (await calls.ask(f"/events/{early}/proof", "auditor")).status_code == 200
    assert (await calls.ask(f"/events/{late}/proof", "auditor")).status_code == 409
    await signer.look()
    assert (await calls.ask(f"/events/{late}/proof", "auditor")).status_code == 200
    in_first = await calls.ask(f"/events/{late}/proof", "auditor", checkpoint="1")
    assert in_first.status_code == 409


async def test_while_lost_subtrees_are_made_again_a_proof_waits(
    history: History, calls: Calls
) -> None:
    events = await history.append(*([1] * 130))
    await history.signer().look()
    await history.pool.execute("DELETE FROM view.tree_node WHERE level = 6")

    answer = await calls.ask(f"/events/{events[0]}/proof", "auditor")

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")

"""A customer's receipt, an auditor's look and an outsider's checkpoint, through the gateway."""

import json
import subprocess
import sys
import time
from pathlib import Path

from kembalian import kembalian_verify
from kembalian.testing.cast import until_proven
from kembalian.testing.commands import kembalian
from kembalian.testing.house import RunningHouse
from kembalian.testing.people import Campus, guest, staff

PATIENCE_SECONDS = 60.0


def alone(folder: Path, key: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the stand-alone verifier as somebody who has nothing else of ours."""
    command = [sys.executable, kembalian_verify.__file__, *words, "--key", key]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=folder, timeout=150, check=False
    )


def saved(folder: Path, name: str, answer: object) -> str:
    (folder / name).write_text(json.dumps(answer))
    return str(folder / name)


def test_what_an_outsider_kept_proves_the_history_and_every_receipt(
    house: RunningHouse, shopper: Campus, tmp_path: Path
) -> None:
    anyone, auditor = guest(house), staff(house, "auditor")
    till = shopper.tills[shopper.stores[0]]
    body = {"card_number": shopper.card_number, "amount": 700}
    first = till.post("/pos/topups", body).json()
    until_proven(shopper.member, first["event_id"])
    kept = anyone.get("/ledger/checkpoints/latest").json()
    keys = anyone.get("/ledger/keys").json()
    key = keys["items"][0]["public_key"]

    rotated = house.command("checkpoint-key", "rotate", "--yes", "--json")
    assert rotated.returncode == 0, rotated.stderr
    spent = till.post("/pos/redemptions", body).json()
    until_proven(shopper.member, spent["event_id"])

    receipt = shopper.member.get(f"/ledger/events/{spent['event_id']}/receipt").json()
    assert receipt["event"]["event"]["data"]["allocations"] == spent["allocations"]
    assert receipt["event"]["ledger_position"] == spent["ledger_position"]
    done = alone(tmp_path, key, saved(tmp_path, "receipt.json", receipt))
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    newest = receipt["proof"]["checkpoint"]
    assert newest["key_id"] == json.loads(rotated.stdout)["key_id"] != kept["key_id"]
    path = f"/ledger/checkpoints/{newest['n']}/consistency"
    consistency = auditor.get(path, **{"from": kept["n"]}).json()
    files = [saved(tmp_path, "consistency.json", consistency)]
    files += ["--checkpoint", saved(tmp_path, "kept.json", kept)]
    done = alone(tmp_path, key, *files)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert f"checkpoint {newest['n']} goes on from {kept['n']}" in done.stdout


def test_verify_takes_what_an_outsider_kept(house: RunningHouse, tmp_path: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (answer := guest(house).get("/ledger/checkpoints/latest")).is_success:
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.1)
    kept = answer.json()
    forged = {**kept, "events": kept["events"] + 1}

    clean = kembalian(house.home, "verify", "--json", "--checkpoint", saved(tmp_path, "kept", kept))
    found = kembalian(
        house.home, "verify", "--json", "--checkpoint", saved(tmp_path, "forged", forged)
    )
    none = kembalian(house.home, "verify", "--checkpoint", saved(tmp_path, "none", {"type": "x"}))

    assert clean.returncode == 0, clean.stdout + clean.stderr
    assert found.returncode == 1
    details = [finding["detail"] for finding in json.loads(found.stdout)["findings"]]
    assert details == [
        f"the checkpoint {kept['n']} that was kept is signed by no key of this ledger",
        f"checkpoint {kept['n']} is another than the one that was kept: history was forked",
    ]
    assert (none.returncode, none.stdout) == (2, "")

"""Three processes of wallet-ledger, killed and stopped one after the other under load."""

import os
import random
import signal
import tempfile
import time
from collections import Counter
from pathlib import Path

import psycopg
import pytest

from events.topics import WALLET
from kembalian.testing.faults import check_all, report
from kembalian.testing.house import RunningHouse, best_kafka, running_house
from kembalian.testing.load import load

LEDGERS = ("wallet-ledger", "wallet-ledger-2", "wallet-ledger-3")
FAULTS = 12
SHARED_SECONDS = 30.0
WRITTEN = """
SELECT address, count(*) FROM log.lease
WHERE name LIKE 'writer/%' AND expires_at > clock_timestamp() GROUP BY address
"""


def until_written(house: RunningHouse, *, evenly: bool) -> None:
    """Wait until every partition is written; `evenly`: by each of the three as many, or one less.

    Atomic batches move partitions to the process that was asked, so under load they are not even.
    """
    deadline = time.monotonic() + SHARED_SECONDS
    while True:
        with psycopg.connect(house.live().postgres_admin["wallet-ledger"]) as connection:
            loads = [count for _, count in connection.execute(WRITTEN).fetchall()]
        if sum(loads) == WALLET.partitions and (not evenly or sorted(loads) == [2, 3, 3]):
            return
        assert time.monotonic() < deadline, loads
        time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_writers_come_and_go_under_load_and_nothing_is_lost_or_doubled() -> None:
    choose = random.Random(5)
    told: list[str] = []
    with (
        tempfile.TemporaryDirectory(prefix="kembalian-three-", ignore_cleanup_errors=True) as home,
        running_house(Path(home), kafka=best_kafka(), KEMBALIAN_LEDGER_PROCESSES="3") as house,
    ):
        until_written(house, evenly=True)
        with load(house, seed=22) as busy:
            for _ in range(FAULTS):
                name, how = choose.choice(LEDGERS), choose.choice([signal.SIGKILL, signal.SIGTERM])
                pid = house.live().pids[name]
                os.kill(pid, how)
                told.append(how.name)
                time.sleep(choose.uniform(0.2, 4.0))
                house.until_back(name, pid)
                if choose.random() < 0.5:
                    until_written(house, evenly=False)
        until_written(house, evenly=True)
        report(busy, told)
        assert Counter(told).keys() == {"SIGKILL", "SIGTERM"}
        check_all(house, busy)

"""The data set: stores with a cashier each, wallets with a card each, and money in every wallet."""

import asyncio
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import asyncpg
import httpx

import catalog.bulk
import identity.bulk
import identity.operations
from events.log import partition_of
from kembalian.bench.house import admin_login
from kembalian.bench.plan import card_of
from kembalian.demo.door import Door
from kembalian.operators.live import LiveRun
from kembalian.operators.reading import consumed, heads
from wallet_ledger.bulk import top_up_all
from wallet_ledger.config import PARTITIONS
from wallet_ledger.domain import Till

Say = Callable[[str], None]

MONEY = 50_000_000
"""Rupiah that every wallet begins with, so that no redemption is refused."""

FILLED = ("identity", "wallet-ledger", "settlement")
"""The services whose databases a new member and his money fill."""

FRESH_SECONDS = 900.0
ARRIVAL_SECONDS_MAX = 600


@dataclass
class Town:
    """What there is in a home; kept beside it, so that another run finds it."""

    path: Path
    stores: list[str]
    password: str
    member_ids: list[str]
    history: int = 0

    @property
    def wallets(self) -> int:
        """How many members there are."""
        return len(self.member_ids)

    def save(self) -> None:
        """Write it down."""
        kept = asdict(self)
        del kept["path"]
        self.path.write_text(json.dumps(kept))


class Tokens:
    """Access tokens of every till and of the channel, renewed before they run out."""

    def __init__(self, run: LiveRun, town: Town) -> None:
        self._run = run
        self._town = town
        self._made_at = -FRESH_SECONDS
        self.tills: list[str] = []
        self.channel = ""

    async def renew(self) -> None:
        """Log everybody in anew, unless that was a short while ago."""
        if time.monotonic() - self._made_at < FRESH_SECONDS:
            return
        names = [*(f"kasir-{store}" for store in self._town.stores), "bench-channel"]
        async with httpx.AsyncClient(base_url=self._run.gateway, timeout=30) as client:
            door = Door(client)
            tokens = [(await door.login(name, self._town.password)).token for name in names]
        self.tills, self.channel = tokens[:-1], tokens[-1]
        self._made_at = time.monotonic()


async def found(run: LiveRun, *, stores: int, wallets: int, say: Say) -> Town:
    """Return the town of a home, made if there is none, grown if it has fewer wallets."""
    path = run.home.root / "bench.json"
    if path.exists():
        town = Town(path, **json.loads(path.read_text()))
    else:
        town = Town(path, [f"toko-{n:02d}" for n in range(stores)], secrets.token_urlsafe(16), [])
        await _open_stores(run, town, say)
    await grow(run, town, wallets, say)
    return town


async def grow(run: LiveRun, town: Town, wallets: int, say: Say) -> None:
    """Make members until there are `wallets`, each with MONEY, and wait until all know them."""
    first = town.wallets
    if first >= wallets:
        return
    began = time.monotonic()
    cards = [card_of(number) for number in range(first, wallets)]
    made = await identity.bulk.register_members(
        run.postgres["identity"], cards, _told(say, "members")
    )
    town.member_ids += made
    town.save()
    say(f"{len(made)} members in {time.monotonic() - began:.0f} s; money for each")
    await give_money(run, town, made, f"first-{first}", say)
    await arrived(run, say)
    await _rest(run, say)


async def _rest(run: LiveRun, say: Say) -> None:
    """Leave the databases as a house has them that grew in months, not in these minutes.

    What autovacuum would have done while it grew is done here, not during the measures after it.
    After a checkpoint the files of the write-ahead log are used again: to make a new one, as a new
    cluster does every 16 MB, holds up a commit until it is written out.
    """
    began = time.monotonic()
    for service in FILLED:
        connection = await asyncpg.connect(run.postgres_admin[service])
        try:
            await connection.execute("VACUUM (ANALYZE)")
            await connection.execute("CHECKPOINT")
        finally:
            await connection.close()
    say(f"vacuumed in {time.monotonic() - began:.0f} s")


async def give_money(run: LiveRun, town: Town, member_ids: list[str], key: str, say: Say) -> float:
    """Append a top-up for each of `member_ids` (more than once if named so); return the seconds."""
    began = time.monotonic()
    dsn = run.postgres["wallet-ledger"]
    tills = [Till("0" * 8, store, f"kasir-{store}") for store in town.stores]
    by_partition: list[list[tuple[str, Till, int]]] = [[] for _ in range(PARTITIONS)]
    for number, wallet_id in enumerate(member_ids):
        entry = (wallet_id, tills[number % len(tills)], MONEY)
        by_partition[partition_of(wallet_id, PARTITIONS)].append(entry)
    for partition, entries in enumerate(by_partition):
        await top_up_all(dsn, partition, entries, key=key, progress=_quiet)
    seconds = time.monotonic() - began
    town.history += len(member_ids)
    town.save()
    say(f"{len(member_ids)} events appended in {seconds:.0f} s")
    return seconds


async def arrived(run: LiveRun, say: Say) -> None:
    """Wait until wallet-ledger has read of every card, and settlement of every event."""
    said = time.monotonic()
    async with asyncio.timeout(ARRIVAL_SECONDS_MAX):
        while True:
            behind = await _behind(run)
            if not behind:
                return
            if time.monotonic() - said > 5:
                said = time.monotonic()
                say(f"{behind} events are on their way")
            await asyncio.sleep(0.3)


async def _behind(run: LiveRun) -> int:
    """Return how many events the consumers have not handled."""
    at = await heads(run)
    missing = 0
    for service in ("wallet-ledger", "settlement"):
        for place in await consumed(run, service):
            owner = next(name for name in at if place.topic == f"kembalian.{_topic(name)}.v1")
            missing += max(0, at[owner].at(place.partition) - place.position)
    return missing


def _topic(service: str) -> str:
    return "wallet" if service == "wallet-ledger" else service


async def _open_stores(run: LiveRun, town: Town, say: Say) -> None:
    say(f"{len(town.stores)} stores, a cashier each")
    await catalog.bulk.register_stores(run.postgres["catalog"], town.stores)
    await identity.operations.ensure_user(
        run.postgres["identity"], username="bench-channel", password=town.password, role="channel"
    )
    async with httpx.AsyncClient(base_url=run.gateway, timeout=30) as client:
        login = admin_login(run)
        admin = await Door(client).login(login["username"], login["password"])
        for store in town.stores:
            name = f"kasir-{store}"
            body: dict[str, object] = {"cashier_id": name, "name": name, "store_id": store}
            await admin.post("/cashiers", f"bench-{name}", {**body, "password": town.password})
    town.save()


def _told(say: Say, what: str) -> Callable[[int, int], None]:
    said = time.monotonic()

    def tell(done: int, total: int) -> None:
        nonlocal said
        if time.monotonic() - said > 5:
            said = time.monotonic()
            say(f"{what}: {done} of {total}")

    return tell


def _quiet(_: int) -> None:
    return

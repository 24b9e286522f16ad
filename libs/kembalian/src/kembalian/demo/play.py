"""The demo of a run: what a first start makes and prints, and what a later one finds done."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx

from kembalian.demo import tables
from kembalian.demo.campus import STORES, trial_card
from kembalian.demo.door import Door
from kembalian.demo.logins import Logins
from kembalian.demo.people import Reissue, make_campus
from kembalian.demo.trial import Trial, play_trial
from kembalian.launcher.home import Home
from kembalian.launcher.settings import RunSettings

ANSWER_TIMEOUT_S = 15


async def play_demo(
    settings: RunSettings,
    home: Home,
    gateway_url: str,
    reissue: Reissue,
    say: Callable[[str], None],
) -> None:
    """Make what KEMBALIAN_DEMO asks for unless an earlier run did, and print it with the logins.

    `reissue` is for a member whose password an interrupted run did not write down.
    Raises: Refused, TimeoutError.
    """
    logins = Logins.of(home)
    for role in settings.staff:
        logins.set_staff(role, {"username": role, "password": home.secret(f"staff-{role}")})
    async with httpx.AsyncClient(base_url=gateway_url, timeout=ANSWER_TIMEOUT_S) as client:
        guest = Door(client)
        if settings.demo != "none" and not logins.has_campus():
            admin = await guest.login("admin", logins.content["admin"]["password"])
            await make_campus(admin, home, logins, reissue)
        played = home.root / "trial-played"
        if settings.demo == "trial" and not played.exists():
            trial = await play_trial(guest, logins)
            say(await _shown(guest, logins, trial))
            played.touch()
    say(tables.logins(logins))


async def _shown(guest: Door, logins: Logins, trial: Trial) -> str:
    """Return the trial's balances and debts as the house reports them after its last entry."""
    finance = await guest.login("finance", logins.content["finance"]["password"])
    susila = logins.member(trial_card())
    assert susila is not None, "the campus was made before the trial"
    wallet = await finance.get(f"/wallets/{susila['member_id']}")
    today = datetime.now(UTC).date()
    period = {"from": f"{today - timedelta(days=366)}", "to": f"{today + timedelta(days=1)}"}
    place = {"at_least": trial.ledger_position}
    reports = await asyncio.gather(
        *(
            finance.get("/reports/receivables", store_id=store.store_id, **period, **place)
            for store in STORES
        )
    )
    positions = await finance.get("/settlement/positions", **place)
    return tables.balances(trial, wallet) + tables.debts(reports, positions)

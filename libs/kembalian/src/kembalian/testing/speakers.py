"""Who makes the requests of a load: cashiers, the channel, who takes orders, two of the staff."""

from collections.abc import Mapping
from dataclasses import replace

import httpx

from kembalian.testing.errands import ADMIN, CHANNEL, FINANCE, ORDERS, Errand
from kembalian.testing.house import RunningHouse
from kembalian.testing.orders import Orders
from kembalian.testing.people import (
    Campus,
    Person,
    log_in,
    logged_in_again,
    new_channel,
    newly_bootstrapped,
)

Speaker = Person | Orders

Speakers = dict[str, Speaker]
"""By store id, CHANNEL, ORDERS, and the two who decide on reversals: ADMIN and FINANCE."""


def speakers_of(house: RunningHouse, campus: Campus) -> Speakers:
    """Return a campus's cashiers, a new channel, who takes orders, and two of the staff."""
    others = {CHANNEL: new_channel(house), ORDERS: Orders(house, house.client)}
    admin = log_in(house, house.demo()[ADMIN])
    staff = {ADMIN: admin, FINANCE: newly_bootstrapped(house, FINANCE)}
    return {**campus.tills, **others, **staff}


def with_client(
    house: RunningHouse, speakers: Mapping[str, Speaker], client: httpx.Client
) -> Speakers:
    """Return the same ones on connections of `client`."""
    return {
        name: replace(one, client=client) if isinstance(one, Person) else Orders(house, client)
        for name, one in speakers.items()
    }


def renewed(speaker: Speaker) -> Speaker:
    """Return the same one with a token that begins now, if there is one to be had."""
    if isinstance(speaker, Orders):
        speaker.log_in()
        return speaker
    return logged_in_again(speaker) or speaker


def ask(speaker: Speaker, errand: Errand, seconds: float) -> httpx.Response | None:
    """Return the answer, None if there was none within `seconds`."""
    try:
        return speaker.post(errand.path, errand.body, errand.key, timeout=seconds)
    except httpx.TransportError:
        return None

"""The HTTP protocol of this service: a till's plain request is answered without task or framework.

Its order goes straight to the lane, and the lane's answer straight to the connection. Whatever is
not plain goes the long way, through uvicorn and the routes.
"""

import asyncio
from functools import partial
from typing import Any

from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from wallet_ledger.answers import Answer, problem
from wallet_ledger.arrivals import NotOwner, QueueFull
from wallet_ledger.owners import CardHolder
from wallet_ledger.short_protocol import Short, ShortProtocol
from wallet_ledger.till_answers import CLOSE_LINE, LATER_LINE, REPLAYED_LINE, Heads
from wallet_ledger.till_shortcut import Parts, Plain, plain


def till_protocol(app: FastAPI) -> type[HttpToolsProtocol]:
    """Return the protocol that serves `app`, whose state has `shortcut` while it runs."""

    class TillProtocol(_TillProtocol):
        state = app.state
        heads = Heads()

    return TillProtocol


class _TillProtocol(ShortProtocol):
    """Takes a request from its bytes to its order, and the outcome back."""

    state: Any
    heads: Heads

    def accepts_short(self) -> bool:
        """Tell whether the parts of the short way are there."""
        return getattr(self.state, "shortcut", None) is not None

    def received(self, short: Short) -> None:
        """Take the short way if the request is plain."""
        parts: Parts = self.state.shortcut
        asked = plain(short.path, short.headers, short.body, parts)
        if asked is None:
            self.take_long_way(short)
            return
        holder = parts.directory.known_card(asked.form.card_number)
        if holder is not None:
            self._begin(short, parts, asked, holder)
        else:
            looking = parts.directory.look_up(asked.form.card_number)
            looking.add_done_callback(partial(self._looked_up, short, parts, asked))

    def _looked_up(
        self,
        short: Short,
        parts: Parts,
        asked: Plain,
        looking: "asyncio.Future[CardHolder | None]",
    ) -> None:
        """Go on; a card that the view does not know is asked of its owner on the long way."""
        if self.is_gone(short):
            return
        failed = looking.cancelled() or looking.exception() is not None
        holder = None if failed else looking.result()
        if holder is None:
            self.take_long_way(short)
        else:
            self._begin(short, parts, asked, holder)

    def _begin(self, short: Short, parts: Parts, asked: Plain, holder: CardHolder) -> None:
        order = asked.order(holder, parts.limits)
        if order is None:
            self.take_long_way(short)
            return
        try:
            parts.ledger.begin_here(order, partial(self._decided, short))
        except (NotOwner, QueueFull):
            self.take_long_way(short)

    def _decided(self, short: Short, deciding: "asyncio.Future[Answer]") -> None:
        """Answer; what another process must answer goes the long way."""
        if deciding.cancelled() or self.is_gone(short):
            return
        error = deciding.exception()
        if error is None:
            answer = deciding.result()
            self._say(short, answer, REPLAYED_LINE if answer.replayed else b"")
        elif isinstance(error, NotOwner):
            self.take_long_way(short)
        else:
            self._say(short, problem("unavailable"), LATER_LINE)

    def _say(self, short: Short, answer: Answer, lines: bytes) -> None:
        keep_alive = short.keep_alive if short.cycle is None else short.cycle.keep_alive
        if not keep_alive:
            lines += CLOSE_LINE
        fields = self.server_state.default_headers
        self.answer(short, self.heads.answer(answer, lines, fields), keep_alive=keep_alive)

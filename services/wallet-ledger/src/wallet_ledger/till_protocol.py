"""The HTTP protocol of this service: a till's plain request is answered without task or framework.

uvicorn parses, keeps the connection and orders pipelined requests as always. When the body of a
short request is complete, its order goes straight to the lane, and the lane's answer straight to
the connection. Whatever is not plain is started as uvicorn would have done, a moment later.
"""

import asyncio
from functools import partial
from typing import Any, Final, cast

from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from wallet_ledger.answers import Answer, problem
from wallet_ledger.directory import CardHolder
from wallet_ledger.lane import NotOwner, QueueFull
from wallet_ledger.till_shortcut import BODY_BYTES_MAX, Parts, Plain, Request, is_short, plain
from web.kept import JSON, PROBLEM, REPLAYED
from web.serve import JoiningProtocol

JSON_LINE: Final = b"%s: %s\r\n" % JSON
PROBLEM_LINE: Final = b"%s: %s\r\n" % PROBLEM
REPLAYED_LINE: Final = b"%s: %s\r\n" % REPLAYED
LATER_LINE: Final = b"retry-after: 1\r\n"


def till_protocol(app: FastAPI) -> type[HttpToolsProtocol]:
    """Return the protocol that serves `app`, whose state has `shortcut` while it runs."""

    class TillProtocol(_TillProtocol):
        state = app.state

    return TillProtocol


class _TillProtocol(JoiningProtocol):
    """Holds a short request back until its body is there: then it takes the short way or not."""

    state: Any
    _waiting: RequestResponseCycle | None = None
    _long_way: Any = None

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Start a request, or hold it back: called by uvicorn when its turn has come."""
        parts: Parts | None = getattr(self.state, "shortcut", None)
        self._long_way = app
        if (
            parts is None
            or not is_short(cast("Request", cycle.scope))
            or cycle.waiting_for_100_continue
        ):
            super()._start_asgi_task(cycle, app)
        elif cycle.more_body:
            self._waiting = cycle
        else:  # it came in one piece with the one before it
            self._decide(cycle, parts)

    def on_body(self, body: bytes) -> None:
        """Take a part of a body; a long one is none of a short request."""
        super().on_body(body)
        if self._waiting is not None and len(self._waiting.body) > BODY_BYTES_MAX:
            self._take_long_way(self._waiting)

    def on_message_complete(self) -> None:
        """Take the short way if the request that was held back is complete."""
        super().on_message_complete()
        cycle = self._waiting
        if cycle is not None and not cycle.more_body:
            self._decide(cycle, self.state.shortcut)

    def _decide(self, cycle: RequestResponseCycle, parts: Parts) -> None:
        self._waiting = None
        asked = None
        if not self.flow.write_paused:
            asked = plain(cast("Request", cycle.scope), bytes(cycle.body), parts)
        if asked is None:
            self._take_long_way(cycle)
            return
        holder = parts.directory.known_card(asked.form.card_number)
        if holder is not None:
            self._begin(cycle, parts, asked, holder)
        else:
            looking = parts.directory.look_up(asked.form.card_number)
            looking.add_done_callback(partial(self._looked_up, cycle, parts, asked))

    def _looked_up(
        self,
        cycle: RequestResponseCycle,
        parts: Parts,
        asked: Plain,
        looking: "asyncio.Future[CardHolder | None]",
    ) -> None:
        """Go on; a card that the view does not know is asked of its owner on the long way."""
        if cycle.disconnected:
            return
        failed = looking.cancelled() or looking.exception() is not None
        holder = None if failed else looking.result()
        if holder is None:
            self._take_long_way(cycle)
        else:
            self._begin(cycle, parts, asked, holder)

    def _begin(
        self, cycle: RequestResponseCycle, parts: Parts, asked: Plain, holder: CardHolder
    ) -> None:
        order = asked.order(holder, parts.limits)
        if order is None:
            self._take_long_way(cycle)
            return
        try:
            deciding = parts.ledger.begin_here(order)
        except (NotOwner, QueueFull):
            self._take_long_way(cycle)
            return
        deciding.add_done_callback(partial(self._decided, cycle))

    def _take_long_way(self, cycle: RequestResponseCycle) -> None:
        self._waiting = None
        super()._start_asgi_task(cycle, self._long_way)

    def _decided(self, cycle: RequestResponseCycle, deciding: "asyncio.Future[Answer]") -> None:
        """Answer; what another process must answer goes the long way."""
        if deciding.cancelled() or cycle.disconnected:
            return
        error = deciding.exception()
        if isinstance(error, NotOwner):
            self._take_long_way(cycle)
        elif error is not None:
            self._answer(cycle, problem("unavailable"), LATER_LINE)
        else:
            answer = deciding.result()
            self._answer(cycle, answer, REPLAYED_LINE if answer.replayed else b"")

    def _answer(self, cycle: RequestResponseCycle, answer: Answer, line: bytes) -> None:
        head = [STATUS_LINE[answer.status]]
        head += [b"%s: %s\r\n" % field for field in self.server_state.default_headers]
        head.append(JSON_LINE if answer.status < 400 else PROBLEM_LINE)
        head.append(b"content-length: %d\r\n" % len(answer.body))
        head.append(line)
        if not cycle.keep_alive:
            head.append(b"connection: close\r\n")
        head.append(b"\r\n")
        head.append(answer.body)
        cycle.response_started = cycle.response_complete = True
        self.transport.write(b"".join(head))
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()

"""The bytes of a till's answer on the short way, and the heads that many answers share."""

from collections.abc import Sequence
from typing import Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from wallet_ledger.answers import Answer
from web.kept import JSON, PROBLEM, REPLAYED

JSON_LINE: Final = b"%s: %s\r\n" % JSON
PROBLEM_LINE: Final = b"%s: %s\r\n" % PROBLEM
REPLAYED_LINE: Final = b"%s: %s\r\n" % REPLAYED
LATER_LINE: Final = b"retry-after: 1\r\n"
CLOSE_LINE: Final = b"connection: close\r\n"

Fields = Sequence[tuple[bytes, bytes]]


class Heads:
    """Makes answers; what those of a status have in common is made once for each date."""

    def __init__(self) -> None:
        self._fields: Fields | None = None
        self._heads: dict[int, bytes] = {}

    def answer(self, answer: Answer, lines: bytes, fields: Fields) -> bytes:
        """Return head and body of an answer; `fields` are the server's own, a new list a second."""
        if fields is not self._fields:
            self._fields = fields
            self._heads.clear()
        head = self._heads.get(answer.status)
        if head is None:
            head = self._heads[answer.status] = _head(answer.status, fields)
        body = answer.body
        return b"%b%d\r\n%b\r\n%b" % (head, len(body), lines, body)


def _head(status: int, fields: Fields) -> bytes:
    """Return a head up to the length of the body."""
    lines = [STATUS_LINE[status], *(b"%s: %s\r\n" % field for field in fields)]
    lines.append(JSON_LINE if status < 400 else PROBLEM_LINE)
    return b"".join([*lines, b"content-length: "])

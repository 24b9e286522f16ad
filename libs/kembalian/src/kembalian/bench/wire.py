"""Requests as bytes ready to send, and as little of an answer as a load generator must read."""

from collections.abc import Iterator, Sequence
from itertools import count

from kembalian.bench.plan import Visit, card_of

HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length: "
ACCEPTED = b'"status":201'
PLACE = b'"ledger_position":"'

BODIES = {
    "change": b'{"card_number":"%b","sale_total":10000,"tendered":10%03d,"save":true}',
    "redemptions": b'{"card_number":"%b","amount":%03d}',
    "topups": b'{"card_number":"%b","amount":%03d}',
}


def single_requests(
    tokens: Sequence[str], visits: Iterator[Visit], *, key: str, path: str
) -> Iterator[bytes]:
    """Yield a request per visit, each with a key of its own; `path` = what all paths begin with."""
    heads = {
        (kind, store): _head(f"{path}/{kind}", token, kind)
        for kind in BODIES
        for store, token in enumerate(tokens)
    }
    for number, visit in zip(count(), visits, strict=False):
        body = BODIES[visit.kind] % (card_of(visit.wallet).encode(), visit.amount)
        yield heads[visit.kind, visit.store] % b"%b-%09d" % (key.encode(), number) + body


def _head(target: str, token: str, kind: str) -> bytes:
    length = len(BODIES[kind] % (card_of(0).encode(), 100))
    return (
        f"POST {target} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\nIdempotency-Key: "
    ).encode() + b"%b\r\n\r\n"


def batch_requests(
    token: str, stores: Sequence[str], visits: Iterator[Visit], *, key: str, size: int
) -> Iterator[bytes]:
    """Yield calls of POST /ledger/batch with `size` entries each, keys distinct."""
    single = {"change": "change", "redemptions": "redemption", "topups": "topup"}
    for number in count():
        entries: list[bytes] = []
        for n in range(size):
            visit = next(visits)
            fields = BODIES[visit.kind] % (card_of(visit.wallet).encode(), visit.amount)
            said = (
                f'{{"key":"{key}-{number}-{n}","type":"{single[visit.kind]}",'
                f'"store_id":"{stores[visit.store]}",'
            )
            entries.append(said.encode() + fields[1:])
        body = b'{"entries":[' + b",".join(entries) + b"]}"
        head = (
            f"POST /api/v1/ledger/batch HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}"
            f"\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        yield head.encode() + body


def answer_size(data: bytes) -> int:
    """Return how many bytes the answer at the beginning of `data` has, 0 while that is unknown."""
    end = data.find(HEAD_END)
    if end < 0:
        return 0
    at = data.find(LENGTH, 0, end)
    if at < 0:
        at = data[:end].lower().find(LENGTH)
        if at < 0:
            raise ValueError("an answer without content-length")
    at += len(LENGTH)
    return end + 4 + int(data[at : data.index(b"\r", at)])


def status_of(data: bytes) -> int:
    """Return the status of an answer."""
    return int(data[9:12])


def place_of(data: bytes) -> str:
    """Return the ledger_position that an answer names, "" if none."""
    at = data.find(PLACE)
    if at < 0:
        return ""
    at += len(PLACE)
    return data[at : data.index(b'"', at)].decode()

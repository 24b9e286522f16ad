"""The baseline: a FastAPI route of a till's shape that does nothing, served as our services are.

`python -m kembalian.bench.nothing PORT`.
"""

import sys
from typing import Annotated

import uvicorn
from fastapi import FastAPI, Header

from wallet_ledger.models import ChangeAnswer, ChangeRequest, RedemptionRequest, TopUpRequest
from web.serve import KEEP_ALIVE_SECONDS, JoiningProtocol, settle_memory

ANSWER = ChangeAnswer(
    event_id="0190f3a1-7b1e-7cc4-8000-0123456789ab",
    balance=1_000_000,
    available=1_000_000,
    ledger_position="3-123456",
    change=500,
    saved=500,
    cash_returned=0,
)

Key = Annotated[str, Header(alias="Idempotency-Key", min_length=1, max_length=255)]
Token = Annotated[str, Header(alias="Authorization")]

app = FastAPI()


@app.post("/api/v1/pos/change", status_code=201)
async def change(_: ChangeRequest, __: Key, ___: Token) -> ChangeAnswer:
    """Check the request's shape and answer always the same."""
    return ANSWER


@app.post("/api/v1/pos/redemptions", status_code=201)
async def redeem(_: RedemptionRequest, __: Key, ___: Token) -> ChangeAnswer:
    """As `change`."""
    return ANSWER


@app.post("/api/v1/pos/topups", status_code=201)
async def top_up(_: TopUpRequest, __: Key, ___: Token) -> ChangeAnswer:
    """As `change`."""
    return ANSWER


def main() -> None:
    """Serve on the port that the command line names."""
    settle_memory()
    uvicorn.run(
        app,
        http=JoiningProtocol,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )


if __name__ == "__main__":
    main()

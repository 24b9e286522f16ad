"""The ledger's own views replayed: wallets, payments and reversals, folded from its events."""

from collections.abc import Sequence

import asyncpg

from events.quickly import open_quickly
from events.shadow import Shadowed
from events.shadow import View as ShadowView
from events.source import Read
from wallet_ledger.domain import Payment, Reversal, Wallet
from wallet_ledger.folding import COLUMNS, KEY_COLUMNS, NO_EVENTS, Fold, Row, View
from wallet_ledger.publish import from_contract
from wallet_ledger.records import payment_of, reversal_of

REACHED = "SELECT position FROM log.counter WHERE partition = $1"

ROWS = "SELECT * FROM shadow.{view} WHERE partition = $1"

# A row that is there already is replaced: its wallet was written before, by this replay.
UPSERT = """
INSERT INTO shadow.{view} ({columns}) SELECT {columns} FROM pg_temp.flush_{view}
ON CONFLICT ({key}) DO UPDATE SET {changed}
"""


class LedgerReplay:
    """One partition's wallets, and which of them the shadow tables do not yet show."""

    def __init__(self, partition: int) -> None:
        self._fold = Fold(partition)
        self._touched: set[str] = set()
        self._written = False

    async def load(self, connection: asyncpg.Connection) -> None:
        """Take up the wallets as an interrupted replay left them."""
        partition = self._fold.partition
        payments: dict[str, dict[str, Payment]] = {}
        reversals: dict[str, dict[str, Reversal]] = {}
        async for row in connection.cursor(ROWS.format(view="payment"), partition, prefetch=5_000):
            payments.setdefault(row["wallet_id"], {})[row["payment_id"]] = payment_of(row)
        async for row in connection.cursor(ROWS.format(view="reversal"), partition, prefetch=5_000):
            reversals.setdefault(row["wallet_id"], {})[row["reversal_id"]] = reversal_of(row)
        async for row in connection.cursor(ROWS.format(view="wallet"), partition, prefetch=5_000):
            wallet_id = row["wallet_id"]
            self._fold.wallets[wallet_id] = Wallet(
                dict(zip(row["issuers"], row["balances"], strict=True)),
                row["version"],
                payments.get(wallet_id, NO_EVENTS.payments),
                reversals.get(wallet_id, NO_EVENTS.reversals),
            )
        self._written = True

    def take(self, reads: Sequence[Read]) -> None:
        """Apply events, in order. Raises MalformedEvent, UnknownEventType, NotAWalletEvent."""
        take, touch = self._fold.take, self._touched.add
        for read in reads:
            take(read.stream, from_contract(open_quickly(read.body).data))
            touch(read.stream)

    async def flush(self, connection: asyncpg.Connection) -> None:
        """Write the wallets that have moved since the last time."""
        for view, rows in self._fold.rows(self._touched).items():
            if not rows:
                continue
            if self._written:
                await _upsert(connection, view, rows)
            else:
                await connection.copy_records_to_table(
                    view, schema_name="shadow", columns=COLUMNS[view], records=rows
                )
        self._written = self._written or bool(self._touched)
        self._touched.clear()

    async def complete(self, connection: asyncpg.Connection) -> None:
        """Nothing more: every row is written as it stands."""


async def _upsert(connection: asyncpg.Connection, view: View, rows: Sequence[Row]) -> None:
    table = f"flush_{view}"
    await connection.execute(f"CREATE TEMP TABLE {table} (LIKE shadow.{view}) ON COMMIT DROP")
    await connection.copy_records_to_table(table, columns=COLUMNS[view], records=rows)
    columns, key = COLUMNS[view], KEY_COLUMNS[view]
    changed = ", ".join(f"{name} = excluded.{name}" for name in columns[key:])
    await connection.execute(
        UPSERT.format(
            view=view,
            columns=", ".join(columns),
            key=", ".join(columns[:key]),
            changed=changed,
        )
    )
    await connection.execute(f"DROP TABLE pg_temp.{table}")


SHADOWED = Shadowed(
    tuple(
        ShadowView(view, columns[: KEY_COLUMNS[view]], columns[KEY_COLUMNS[view] :])
        for view, columns in COLUMNS.items()
    ),
    REACHED,
    LedgerReplay,
)
"""What `kembalian replay wallet-ledger` makes a second time."""

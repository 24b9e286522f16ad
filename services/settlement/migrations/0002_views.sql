-- What settlement reads: a projection of kembalian.wallet.v1 and kembalian.catalog.v1, which can be
-- dropped and filled again. Every row says which event it comes from: (partition, position) in the
-- wallet ledger's log, `recorded_at` there, `ordinal` among the rows of one event. Nothing depends on
-- how partitions interleave; what orders across them is (recorded_at, partition, position, ordinal).

-- One line of a member's and of a store's statement: what was saved or paid, and where.
CREATE TABLE view.entry (
    partition smallint NOT NULL,
    position bigint NOT NULL CHECK (position > 0),
    ordinal smallint NOT NULL,
    recorded_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    kind text NOT NULL,
    member_id text COLLATE "C" NOT NULL,
    card_number text COLLATE "C" NOT NULL,
    store_id text COLLATE "C" NOT NULL,
    cashier_id text COLLATE "C" NOT NULL,
    saved bigint NOT NULL CHECK (saved >= 0),
    paid bigint NOT NULL CHECK (paid >= 0),
    balance bigint NOT NULL CHECK (balance >= 0), -- the wallet's, over all buckets, after the event
    PRIMARY KEY (partition, position, ordinal),
    CHECK ((saved > 0) <> (paid > 0))
);
CREATE INDEX entry_of_member ON view.entry (member_id, partition, position);
CREATE INDEX entry_of_store ON view.entry (store_id, recorded_at, partition, position, ordinal);

-- What became owed: the debtor held the money that was spent at the creditor.
CREATE TABLE view.obligation (
    partition smallint NOT NULL,
    position bigint NOT NULL CHECK (position > 0),
    ordinal smallint NOT NULL,
    recorded_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    debtor text COLLATE "C" NOT NULL,
    creditor text COLLATE "C" NOT NULL,
    card_number text COLLATE "C" NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    PRIMARY KEY (partition, position, ordinal),
    CHECK (debtor <> creditor)
);
CREATE INDEX obligation_of_debtor ON view.obligation (debtor, recorded_at);
CREATE INDEX obligation_of_creditor ON view.obligation (creditor, recorded_at);

-- How each event moved each store's figures: positions of the past are sums of these.
CREATE TABLE view.movement (
    partition smallint NOT NULL,
    position bigint NOT NULL CHECK (position > 0),
    ordinal smallint NOT NULL,
    recorded_at timestamptz NOT NULL,
    store_id text COLLATE "C" NOT NULL,
    receivable bigint NOT NULL,
    liability bigint NOT NULL,
    issued bigint NOT NULL,
    PRIMARY KEY (partition, position, ordinal)
);
CREATE INDEX movement_of_store ON view.movement (store_id, recorded_at, partition, position);

-- The sums of view.movement, per partition of the ledger, for reads of the present. No CHECK of signs:
-- a projection does not refuse history; `kembalian verify` compares it.
CREATE TABLE view.total (
    partition smallint NOT NULL,
    store_id text COLLATE "C" NOT NULL,
    receivable bigint NOT NULL,
    liability bigint NOT NULL,
    issued bigint NOT NULL,
    position bigint NOT NULL, -- of the last event that is counted here
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (partition, store_id)
);

-- The stores of the catalog: who has a line in the list of positions, entries or not.
CREATE TABLE view.store (
    store_id text COLLATE "C" PRIMARY KEY,
    partition smallint NOT NULL,
    position bigint NOT NULL,
    recorded_at timestamptz NOT NULL
);

GRANT SELECT, INSERT, UPDATE, DELETE
    ON view.entry, view.obligation, view.movement, view.total, view.store TO settlement_app;

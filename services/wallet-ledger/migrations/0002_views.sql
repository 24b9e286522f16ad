-- What wallet-ledger reads: balances from its own log, members' cards and stores from the topics of
-- identity and catalog. All of it can be dropped and filled again (`kembalian rebuild`).

CREATE TABLE view.bucket (
    partition smallint NOT NULL,
    wallet_id text NOT NULL,
    issuer text NOT NULL,
    balance bigint NOT NULL CHECK (balance >= 0), -- checked again, whatever Python decided
    PRIMARY KEY (partition, wallet_id, issuer)
);

CREATE TABLE view.member (
    wallet_id text PRIMARY KEY,
    card_number text NOT NULL UNIQUE,
    auto_save_consent boolean NOT NULL
);

CREATE TABLE view.store (
    store_id text PRIMARY KEY,
    state text NOT NULL
);

GRANT SELECT, INSERT, UPDATE, DELETE ON view.bucket, view.member, view.store
    TO wallet_ledger_app;

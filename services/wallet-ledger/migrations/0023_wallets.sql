-- One row per wallet, with all of its buckets and its version: who spends looks at one place, and not
-- at its last event and at as many rows as it has issuers (docs/decisions/0041).

CREATE TABLE view.wallet (
    partition smallint NOT NULL,
    wallet_id text NOT NULL,
    version bigint NOT NULL, -- of its last event
    -- The buckets that are not empty, by issuer.
    issuers text[] NOT NULL,
    balances bigint[] NOT NULL,
    PRIMARY KEY (partition, wallet_id),
    CHECK (0 < ALL (balances)), -- checked again, whatever Python decided
    CHECK (cardinality(issuers) = cardinality(balances))
);

GRANT SELECT, INSERT, UPDATE, DELETE ON view.wallet TO wallet_ledger_app;

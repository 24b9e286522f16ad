-- Holds, what became of them, and reversals: folds of the ledger's own log, as view.bucket is.

-- One row per hold, for ever: it is debited, released or expired once. `held` is set aside now,
-- `paid` was debited and has not gone back: JSON [[store id, [[issuer, rupiah], ...]], ...].
CREATE TABLE view.payment (
    partition smallint NOT NULL,
    wallet_id text NOT NULL,
    payment_id text NOT NULL,
    order_id text NOT NULL,
    state text NOT NULL CHECK (state IN ('held', 'debited', 'released', 'expired')),
    expires_at timestamptz NOT NULL,
    held text NOT NULL,
    paid text NOT NULL,
    PRIMARY KEY (partition, wallet_id, payment_id),
    CHECK ((state = 'held') = (held <> '[]')), -- set aside only while nothing is decided
    CHECK (state = 'debited' OR paid = '[]')
);
CREATE INDEX payment_held ON view.payment (partition, expires_at) WHERE state = 'held';
CREATE INDEX payment_held_of_wallet ON view.payment (partition, wallet_id) WHERE state = 'held';

CREATE TABLE view.reversal (
    partition smallint NOT NULL,
    wallet_id text NOT NULL,
    reversal_id text NOT NULL,
    event_id text NOT NULL,
    state text NOT NULL CHECK (state IN ('requested', 'approved', 'rejected')),
    requested_by text NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (partition, wallet_id, reversal_id)
);
CREATE INDEX reversal_by_id ON view.reversal (reversal_id);
-- An entry is undone once, whatever Python decided.
CREATE UNIQUE INDEX reversal_of_event ON view.reversal (partition, event_id)
    WHERE state <> 'rejected';

GRANT SELECT, INSERT, UPDATE, DELETE ON view.payment, view.reversal TO wallet_ledger_app;

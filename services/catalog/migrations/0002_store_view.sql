-- The stores as they are now. A projection: it can be dropped and refilled from log.event.
-- State: a store begins `active`, a reseller `draft`; only what is `active` is public.

CREATE TABLE view.store (
    store_id text COLLATE "C" PRIMARY KEY
        CHECK (store_id ~ '^[a-z0-9][a-z0-9-]{1,31}$' AND store_id <> 'platform'),
    name text NOT NULL CHECK (name <> ''),
    address text NOT NULL CHECK (address <> ''),
    kind text NOT NULL CHECK (kind IN ('store', 'reseller')),
    state text NOT NULL CHECK (state IN ('draft', 'active')),
    -- where in the log the last event stands that made this row what it is
    partition smallint NOT NULL,
    position bigint NOT NULL,
    recorded_at timestamptz NOT NULL
);

GRANT SELECT, INSERT, UPDATE, DELETE ON view.store TO catalog_app;

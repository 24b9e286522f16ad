-- What identity reads of its own log: a fold of it, which can be dropped and filled again.

CREATE TABLE view.member (
    member_id text COLLATE "C" PRIMARY KEY,
    card_number text COLLATE "C" NOT NULL UNIQUE CHECK (card_number ~ '^[0-9]{4,32}$'),
    auto_save_consent boolean NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    partition smallint NOT NULL,
    position bigint NOT NULL,
    recorded_at timestamptz NOT NULL
);

CREATE TABLE view.staff (
    username text COLLATE "C" PRIMARY KEY,
    role text NOT NULL CHECK (role IN ('cashier', 'operator')),
    store_id text COLLATE "C" NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    partition smallint NOT NULL,
    position bigint NOT NULL,
    recorded_at timestamptz NOT NULL
);
CREATE INDEX staff_by_role ON view.staff (role, username);

GRANT SELECT, INSERT, UPDATE, DELETE ON view.member, view.staff TO identity_app;

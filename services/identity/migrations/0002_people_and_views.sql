-- People and secrets (private: never in an event, never dropped) and what is read (view: a fold of
-- the log, which can be dropped and filled again).

CREATE TABLE private.account (
    username text COLLATE "C" PRIMARY KEY CHECK (username ~ '^[a-z0-9][a-z0-9._-]{2,63}$'),
    role text NOT NULL CHECK (
        role IN ('admin', 'finance', 'auditor', 'operator', 'cashier', 'member', 'bank', 'channel')
    ),
    subject text COLLATE "C" NOT NULL, -- the token's `sub`: member id, else the user name
    password_hash text NOT NULL CHECK (password_hash LIKE '$argon2id$%'),
    UNIQUE (role, subject)
);

CREATE TABLE private.person (
    username text COLLATE "C" PRIMARY KEY REFERENCES private.account,
    name text NOT NULL CHECK (name <> ''),
    address text,
    identity_number text,
    email text
);

-- A login begins a family. A token is used once: its successor has the same family, and using it
-- again deletes the family.
CREATE TABLE private.refresh_token (
    token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    family uuid NOT NULL,
    username text COLLATE "C" NOT NULL REFERENCES private.account,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX refresh_token_family ON private.refresh_token (family);
CREATE INDEX refresh_token_username ON private.refresh_token (username);
CREATE INDEX refresh_token_expiry ON private.refresh_token (expires_at);

CREATE TABLE private.signing_key (
    key_id text PRIMARY KEY,
    private_key bytea NOT NULL CHECK (length(private_key) = 32), -- Ed25519, raw
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    signs boolean NOT NULL DEFAULT true
);
CREATE UNIQUE INDEX one_key_signs ON private.signing_key (signs) WHERE signs;

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

GRANT SELECT, INSERT ON private.signing_key TO identity_app;
GRANT SELECT, INSERT, UPDATE ON private.account, private.person TO identity_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON private.refresh_token, view.member, view.staff
    TO identity_app;

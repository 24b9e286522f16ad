-- People and secrets: never in an event, never dropped, never rebuilt.

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

GRANT SELECT, INSERT ON private.signing_key TO identity_app;
GRANT SELECT, INSERT, UPDATE ON private.account, private.person TO identity_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON private.refresh_token TO identity_app;

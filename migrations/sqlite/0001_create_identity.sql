-- People, their sign-ins, and what proves an address. Instants are microseconds since 1970 in UTC.
CREATE TABLE users (
    id                BLOB   NOT NULL PRIMARY KEY,
    email             TEXT   NOT NULL,
    password_hash     TEXT,
    full_name         TEXT,
    department        TEXT,
    avatar_url        TEXT,
    -- the person's own preferences, a JSON object; no policy ever sees them
    attributes        TEXT   NOT NULL,
    email_verified_at INTEGER,
    suspended_at      INTEGER,
    super_admin       INTEGER NOT NULL,
    -- pending, approved or none, in the old system's words
    waitlist_status   TEXT   NOT NULL,
    waitlist_reason   TEXT,
    referral_source   TEXT,
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL,
    last_login_at     INTEGER
) STRICT;
CREATE UNIQUE INDEX users_email_key ON users (email);
CREATE INDEX users_waitlist_idx ON users (waitlist_status, id);

-- One sign-in. Its id is the family of all refresh tokens that come from it.
CREATE TABLE sessions (
    id         BLOB   NOT NULL PRIMARY KEY,
    user_id    BLOB   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    ip         TEXT,
    user_agent TEXT,
    created_at INTEGER NOT NULL,
    -- no rotation outlives this
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT;
CREATE INDEX sessions_user_idx ON sessions (user_id, id);

-- Hashes only: whoever reads this table cannot sign in with it.
CREATE TABLE refresh_tokens (
    token_hash     BLOB   NOT NULL PRIMARY KEY,
    session_id     BLOB   NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    created_at     INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL,
    used_at        INTEGER,
    successor_hash BLOB
) STRICT;
CREATE INDEX refresh_tokens_session_idx ON refresh_tokens (session_id);

-- Single-use tokens sent by mail, bound to a purpose, a person and the address they were sent to.
CREATE TABLE email_tokens (
    token_hash BLOB   NOT NULL PRIMARY KEY,
    purpose    TEXT   NOT NULL,
    user_id    BLOB   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    email      TEXT   NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER
) STRICT;
CREATE INDEX email_tokens_user_idx ON email_tokens (user_id, purpose);

-- Private keys are sealed under the master key.
CREATE TABLE signing_keys (
    kid        TEXT   NOT NULL PRIMARY KEY,
    sealed_key BLOB   NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

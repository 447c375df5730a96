-- People's accounts at providers. A person is known by (provider, issuer, subject) and never by an address.
CREATE TABLE identities (
    id             UUID   NOT NULL PRIMARY KEY,
    user_id        UUID   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    provider       TEXT   NOT NULL,
    issuer         TEXT   NOT NULL,
    subject        TEXT   NOT NULL,
    -- as the provider last told; shown, and nothing follows from it
    email          TEXT,
    email_verified BOOLEAN NOT NULL,
    username       TEXT,
    created_at     BIGINT NOT NULL,
    last_used_at   BIGINT NOT NULL
);
CREATE UNIQUE INDEX identities_subject_key ON identities (provider, issuer, subject);
CREATE INDEX identities_user_idx ON identities (user_id, provider);

-- What was granted to us at a provider, for those who asked us to keep it.
CREATE TABLE connections (
    identity_id   UUID   NOT NULL PRIMARY KEY REFERENCES identities (id) ON DELETE CASCADE,
    -- the provider's tokens, sealed under the master key
    sealed_tokens BYTEA   NOT NULL,
    -- separated by spaces
    scopes        TEXT   NOT NULL,
    -- of the access token, if the provider says so
    expires_at    BIGINT,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL
);

-- People on their way to a provider and back. A row is taken with the answer it waits for, whatever comes of it.
CREATE TABLE oauth_flows (
    state_hash     BYTEA   NOT NULL PRIMARY KEY,
    -- the browser that left is the one that must come back
    browser_hash   BYTEA   NOT NULL,
    provider       TEXT   NOT NULL,
    -- whose account it is to be connected to, and the sign-in that asked; none: to sign in
    user_id        UUID   REFERENCES users (id) ON DELETE CASCADE,
    session_id     UUID   REFERENCES sessions (id) ON DELETE CASCADE,
    -- verifier and nonce, sealed
    sealed_secrets BYTEA   NOT NULL,
    scopes         TEXT   NOT NULL,
    return_to      TEXT,
    created_at     BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL
);
CREATE INDEX oauth_flows_expiry_idx ON oauth_flows (expires_at);

-- What the product's page trades for tokens, once and at once.
CREATE TABLE oauth_codes (
    code_hash    BYTEA   NOT NULL PRIMARY KEY,
    browser_hash BYTEA   NOT NULL,
    user_id      UUID   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    provider     TEXT   NOT NULL,
    return_to    TEXT,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL
);
CREATE INDEX oauth_codes_expiry_idx ON oauth_codes (expires_at);

-- Which provider a person signed in with; none: with a password.
ALTER TABLE sessions ADD COLUMN provider TEXT;

-- SHA-256 of the password hash that stood when the token was sent: a changed password makes the token worthless.
ALTER TABLE email_tokens ADD COLUMN bound_to BLOB;

-- A letter that somebody asked for by naming an address. Whether the address is known is looked up after the answer,
-- so that the answer takes the same way for every address.
CREATE TABLE letter_requests (
    id         BLOB   NOT NULL PRIMARY KEY,
    kind       TEXT   NOT NULL,
    email      TEXT   NOT NULL,
    request_id TEXT   NOT NULL,
    ip         TEXT,
    created_at INTEGER NOT NULL
) STRICT;

-- When the session was last refreshed; none yet if NULL.
ALTER TABLE sessions ADD COLUMN last_seen_at INTEGER;

-- From which device and network an account was signed in to before.
CREATE TABLE known_devices (
    user_id       BLOB   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    device        TEXT   NOT NULL,
    network       TEXT   NOT NULL,
    first_seen_at INTEGER NOT NULL,
    last_seen_at  INTEGER NOT NULL,
    PRIMARY KEY (user_id, device, network)
) STRICT;

-- Asked to be deleted: nothing but the account itself can be used, and at this time it is purged.
ALTER TABLE users ADD COLUMN deletion_due_at INTEGER;
-- Purged: the row holds nothing of the person any more. It stays, so that its id is never used again and what others
-- made together with the person still points somewhere.
ALTER TABLE users ADD COLUMN purged_at INTEGER;
CREATE INDEX users_deletion_idx ON users (deletion_due_at);

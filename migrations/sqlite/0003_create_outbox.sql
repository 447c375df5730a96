-- What a committed change still has to tell the world, written in the change's own transaction.
CREATE TABLE outbox (
    id              BLOB   NOT NULL PRIMARY KEY,
    kind            TEXT   NOT NULL,
    -- sealed under the master key: a letter holds a link that signs somebody in
    sealed_payload  BLOB   NOT NULL,
    created_at      INTEGER NOT NULL,
    attempts        INTEGER NOT NULL,
    next_attempt_at INTEGER NOT NULL,
    failed_at       INTEGER,
    last_error      TEXT
) STRICT;
CREATE INDEX outbox_due_idx ON outbox (failed_at, next_attempt_at);

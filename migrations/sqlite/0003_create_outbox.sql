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

-- What happened, in order: who did what, to what, by which decision.
CREATE TABLE events (
    id              BLOB   NOT NULL PRIMARY KEY,
    action          TEXT   NOT NULL,
    principal       TEXT   NOT NULL,
    resource        TEXT   NOT NULL,
    organization_id BLOB,
    decision_id     BLOB   NOT NULL,
    request_id      TEXT   NOT NULL,
    ip              TEXT,
    details         TEXT   NOT NULL,
    created_at      INTEGER NOT NULL
) STRICT;
CREATE INDEX events_organization_idx ON events (organization_id, id);

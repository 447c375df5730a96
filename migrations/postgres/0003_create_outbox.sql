-- What a committed change still has to tell the world, written in the change's own transaction.
CREATE TABLE outbox (
    id              UUID   NOT NULL PRIMARY KEY,
    kind            TEXT   NOT NULL,
    -- sealed under the master key: a letter holds a link that signs somebody in
    sealed_payload  BYTEA  NOT NULL,
    created_at      BIGINT NOT NULL,
    attempts        BIGINT NOT NULL,
    next_attempt_at BIGINT NOT NULL,
    failed_at       BIGINT,
    last_error      TEXT
);
CREATE INDEX outbox_due_idx ON outbox (failed_at, next_attempt_at);

-- What happened, in order: who did what, to what, by which decision.
CREATE TABLE events (
    id              UUID   NOT NULL PRIMARY KEY,
    action          TEXT   NOT NULL,
    principal       TEXT   NOT NULL,
    resource        TEXT   NOT NULL,
    organization_id UUID,
    decision_id     UUID   NOT NULL,
    request_id      TEXT   NOT NULL,
    ip              TEXT,
    details         TEXT   NOT NULL,
    created_at      BIGINT NOT NULL
);
CREATE INDEX events_organization_idx ON events (organization_id, id);

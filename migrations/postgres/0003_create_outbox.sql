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

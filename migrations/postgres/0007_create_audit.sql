-- What happened, in order, each row sealed by a hash over itself and the row before.
CREATE TABLE events (
    -- 1, 2, 3, …; the chain's order
    seq             BIGINT NOT NULL PRIMARY KEY,
    created_at      BIGINT NOT NULL,
    action          TEXT   NOT NULL,
    -- Cedar texts, such as User::"…"
    principal       TEXT   NOT NULL,
    resource        TEXT   NOT NULL,
    organization_id UUID,
    -- why it failed; null if it was done
    failure         TEXT,
    decision_id     UUID   NOT NULL,
    request_id      TEXT   NOT NULL,
    ip              TEXT,
    user_agent      TEXT,
    -- a JSON object, never a secret
    details         TEXT   NOT NULL,
    hash            BYTEA  NOT NULL
);
CREATE INDEX events_organization_idx ON events (organization_id, seq);
CREATE INDEX events_principal_idx ON events (principal, seq);
CREATE INDEX events_resource_idx ON events (resource, seq);

CREATE FUNCTION events_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are append-only';
END $$;
CREATE TRIGGER events_append_only BEFORE UPDATE ON events FOR EACH ROW EXECUTE FUNCTION events_append_only();

-- Where the chain begins after its oldest rows were pruned.
CREATE TABLE event_anchors (
    seq        BIGINT NOT NULL PRIMARY KEY,
    hash       BYTEA  NOT NULL,
    pruned_at  BIGINT NOT NULL
);

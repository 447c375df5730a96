-- Each day of the log of decisions gets partitions of its own, which the server makes ahead and drops whole. Ids are
-- UUIDv7, so a range of ids is a range of time. What comes in for a day without partitions stands in the `_rest` of each
-- table, and so does all that is here now.

-- A partition that others refer to cannot be dropped; whoever removes decisions removes these too.
ALTER TABLE decision_policies DROP CONSTRAINT decision_policies_decision_id_fkey;

ALTER TABLE decisions RENAME TO decisions_rest;
ALTER INDEX decisions_pkey RENAME TO decisions_rest_pkey;
ALTER INDEX decisions_day_idx RENAME TO decisions_rest_day_idx;
ALTER INDEX decisions_organization_idx RENAME TO decisions_rest_organization_idx;
ALTER INDEX decisions_principal_idx RENAME TO decisions_rest_principal_idx;
ALTER INDEX decisions_action_idx RENAME TO decisions_rest_action_idx;
ALTER INDEX decisions_resource_idx RENAME TO decisions_rest_resource_idx;
CREATE TABLE decisions (
    id              UUID NOT NULL CONSTRAINT decisions_pkey PRIMARY KEY,
    -- counted from 1970; whole days are dropped together
    day             BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    organization_id UUID,
    -- Cedar texts, such as User::"…"
    principal       TEXT NOT NULL,
    action          TEXT NOT NULL,
    resource        TEXT NOT NULL,
    allowed         BOOLEAN NOT NULL,
    -- JSON arrays of texts
    policies        TEXT NOT NULL,
    errors          TEXT NOT NULL,
    policy_version  TEXT NOT NULL,
    request_id      TEXT NOT NULL,
    -- a JSON object
    context         TEXT NOT NULL,
    slice           BYTEA NOT NULL
) PARTITION BY RANGE (id);
CREATE INDEX decisions_day_idx ON decisions (day);
CREATE INDEX decisions_organization_idx ON decisions (organization_id, id);
CREATE INDEX decisions_principal_idx ON decisions (principal, id);
CREATE INDEX decisions_action_idx ON decisions (action, id);
CREATE INDEX decisions_resource_idx ON decisions (resource, id);
ALTER TABLE decisions ATTACH PARTITION decisions_rest DEFAULT;

ALTER TABLE decision_policies RENAME TO decision_policies_rest;
ALTER INDEX decision_policies_pkey RENAME TO decision_policies_rest_pkey;
ALTER INDEX decision_policies_policy_idx RENAME TO decision_policies_rest_policy_idx;
CREATE TABLE decision_policies (
    decision_id UUID NOT NULL,
    policy      TEXT NOT NULL,
    CONSTRAINT decision_policies_pkey PRIMARY KEY (decision_id, policy)
) PARTITION BY RANGE (decision_id);
CREATE INDEX decision_policies_policy_idx ON decision_policies (policy, decision_id);
ALTER TABLE decision_policies ATTACH PARTITION decision_policies_rest DEFAULT;

-- What decisions rested on is kept once a day now, so that it goes with its day.
ALTER TABLE decision_slices RENAME TO decision_slices_before;
ALTER INDEX decision_slices_pkey RENAME TO decision_slices_before_pkey;
CREATE TABLE decision_slices (
    -- of the decisions that rest on it, counted from 1970
    day      BIGINT NOT NULL,
    -- SHA-256 of `entities`
    hash     BYTEA NOT NULL,
    -- Cedar's JSON
    entities TEXT NOT NULL,
    CONSTRAINT decision_slices_pkey PRIMARY KEY (day, hash)
) PARTITION BY RANGE (day);
CREATE TABLE decision_slices_rest PARTITION OF decision_slices DEFAULT;
INSERT INTO decision_slices (day, hash, entities)
SELECT DISTINCT decisions.day, hash, entities FROM decisions JOIN decision_slices_before ON hash = slice;
DROP TABLE decision_slices_before;

-- What decisions rested on: many rest on the same.
CREATE TABLE decision_slices (
    -- SHA-256 of `entities`
    hash     BLOB NOT NULL PRIMARY KEY,
    -- Cedar's JSON
    entities TEXT NOT NULL,
    -- the last day it was used, counted from 1970
    day      INTEGER NOT NULL
) STRICT;
CREATE INDEX decision_slices_day_idx ON decision_slices (day);

-- Denials, what administrators did, and a share of the rest. Ids are UUIDv7: their order is the order of time.
CREATE TABLE decisions (
    id              BLOB NOT NULL PRIMARY KEY,
    -- counted from 1970; whole days are dropped together
    day             INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    organization_id BLOB,
    -- Cedar texts, such as User::"…"
    principal       TEXT NOT NULL,
    action          TEXT NOT NULL,
    resource        TEXT NOT NULL,
    allowed         INTEGER NOT NULL,
    -- JSON arrays of texts
    policies        TEXT NOT NULL,
    errors          TEXT NOT NULL,
    policy_version  TEXT NOT NULL,
    request_id      TEXT NOT NULL,
    -- a JSON object
    context         TEXT NOT NULL,
    slice           BLOB NOT NULL
) STRICT;
CREATE INDEX decisions_day_idx ON decisions (day);
CREATE INDEX decisions_organization_idx ON decisions (organization_id, id);
CREATE INDEX decisions_principal_idx ON decisions (principal, id);
CREATE INDEX decisions_action_idx ON decisions (action, id);
CREATE INDEX decisions_resource_idx ON decisions (resource, id);

-- By which policy.
CREATE TABLE decision_policies (
    decision_id BLOB NOT NULL CONSTRAINT decision_policies_decision_id_fkey REFERENCES decisions (id) ON DELETE CASCADE,
    policy      TEXT NOT NULL,
    CONSTRAINT decision_policies_pkey PRIMARY KEY (decision_id, policy)
) STRICT;
CREATE INDEX decision_policies_policy_idx ON decision_policies (policy, decision_id);

-- The log is written far more often than it is read: a row goes into five trees instead of seven. Ids tell the day, so
-- days need no index; and what stands in the order of its key needs no second tree for it.
CREATE TABLE decisions_now (
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
) STRICT, WITHOUT ROWID;
INSERT INTO decisions_now
SELECT id, day, created_at, organization_id, principal, action, resource, allowed, policies, errors, policy_version,
       request_id, context, slice
FROM decisions ORDER BY id;
DROP TABLE decisions;
ALTER TABLE decisions_now RENAME TO decisions;
CREATE INDEX decisions_organization_idx ON decisions (organization_id, id);
CREATE INDEX decisions_principal_idx ON decisions (principal, id);
CREATE INDEX decisions_action_idx ON decisions (action, id);
CREATE INDEX decisions_resource_idx ON decisions (resource, id);

CREATE TABLE decision_policies_now (
    decision_id BLOB NOT NULL,
    policy      TEXT NOT NULL,
    CONSTRAINT decision_policies_pkey PRIMARY KEY (decision_id, policy)
) STRICT, WITHOUT ROWID;
INSERT INTO decision_policies_now SELECT decision_id, policy FROM decision_policies ORDER BY decision_id, policy;
DROP TABLE decision_policies;
ALTER TABLE decision_policies_now RENAME TO decision_policies;
CREATE INDEX decision_policies_policy_idx ON decision_policies (policy, decision_id);

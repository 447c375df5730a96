-- SQLite has no partitions: here the tables only take the shape that they have on PostgreSQL.

-- Whoever removes decisions removes these too.
CREATE TABLE decision_policies_now (
    decision_id BLOB NOT NULL,
    policy      TEXT NOT NULL,
    CONSTRAINT decision_policies_pkey PRIMARY KEY (decision_id, policy)
) STRICT;
INSERT INTO decision_policies_now SELECT decision_id, policy FROM decision_policies;
DROP TABLE decision_policies;
ALTER TABLE decision_policies_now RENAME TO decision_policies;
CREATE INDEX decision_policies_policy_idx ON decision_policies (policy, decision_id);

-- What decisions rested on is kept once a day now, so that it goes with its day.
CREATE TABLE decision_slices_now (
    -- of the decisions that rest on it, counted from 1970
    day      INTEGER NOT NULL,
    -- SHA-256 of `entities`
    hash     BLOB NOT NULL,
    -- Cedar's JSON
    entities TEXT NOT NULL,
    CONSTRAINT decision_slices_pkey PRIMARY KEY (day, hash)
) STRICT;
INSERT INTO decision_slices_now (day, hash, entities)
SELECT DISTINCT decisions.day, hash, entities FROM decisions JOIN decision_slices ON hash = slice;
DROP TABLE decision_slices;
ALTER TABLE decision_slices_now RENAME TO decision_slices;

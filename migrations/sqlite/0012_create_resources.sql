-- Things of the products' own: what decisions are asked about. Their names are unique within an organization only, so
-- that no tenant learns or blocks what another calls its things. Names are compared and ordered byte by byte.
CREATE TABLE resources (
    organization_id BLOB   NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    -- an entity type of the policies' schema
    type            TEXT   NOT NULL,
    -- the product's own
    id              TEXT   NOT NULL,
    -- a JSON object, references marked as Cedar marks them
    attributes      TEXT   NOT NULL,
    -- a JSON array of [type, id]
    parents         TEXT   NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    version         INTEGER NOT NULL,
    PRIMARY KEY (organization_id, type, id)
) STRICT;

-- What a thing is in, and what its attributes refer to: the same as in its row, the way a decision walks.
CREATE TABLE resource_relations (
    organization_id BLOB   NOT NULL,
    type            TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    -- yes: the target is a parent; no: an attribute refers to it
    parent          INTEGER NOT NULL,
    target_type     TEXT   NOT NULL,
    target_id       TEXT   NOT NULL,
    PRIMARY KEY (organization_id, type, id, parent, target_type, target_id),
    FOREIGN KEY (organization_id, type, id) REFERENCES resources (organization_id, type, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, target_type, target_id) REFERENCES resources (organization_id, type, id)
) STRICT;
CREATE INDEX resource_relations_target_idx ON resource_relations (organization_id, target_type, target_id);

-- Things of the products' own: what decisions are asked about. Their names are unique within an organization only, so
-- that no tenant learns or blocks what another calls its things. Names are compared and ordered byte by byte.
CREATE TABLE resources (
    organization_id UUID   NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    -- an entity type of the policies' schema
    type            TEXT   COLLATE "C" NOT NULL,
    -- the product's own
    id              TEXT   COLLATE "C" NOT NULL,
    -- a JSON object, references marked as Cedar marks them
    attributes      TEXT   NOT NULL,
    -- a JSON array of [type, id]
    parents         TEXT   NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    version         BIGINT NOT NULL,
    PRIMARY KEY (organization_id, type, id)
);

-- What a thing is in, and what its attributes refer to: the same as in its row, the way a decision walks.
CREATE TABLE resource_relations (
    organization_id UUID   NOT NULL,
    type            TEXT   COLLATE "C" NOT NULL,
    id              TEXT   COLLATE "C" NOT NULL,
    -- yes: the target is a parent; no: an attribute refers to it
    parent          BOOLEAN NOT NULL,
    target_type     TEXT   COLLATE "C" NOT NULL,
    target_id       TEXT   COLLATE "C" NOT NULL,
    PRIMARY KEY (organization_id, type, id, parent, target_type, target_id),
    FOREIGN KEY (organization_id, type, id) REFERENCES resources (organization_id, type, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, target_type, target_id) REFERENCES resources (organization_id, type, id)
);
CREATE INDEX resource_relations_target_idx ON resource_relations (organization_id, target_type, target_id);

-- Roles that somebody has on one registered thing and everything in it.
CREATE TABLE grants (
    id              BLOB   NOT NULL PRIMARY KEY,
    organization_id BLOB   NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    -- a person's or an agent's id, and which
    holder_id       BLOB   NOT NULL,
    is_agent        INTEGER NOT NULL,
    role_id         BLOB   NOT NULL,
    resource_type   TEXT   NOT NULL,
    resource_id     TEXT   NOT NULL,
    granted_by      BLOB   REFERENCES users (id) ON DELETE SET NULL,
    created_at      INTEGER NOT NULL,
    -- null: until it is taken away
    expires_at      INTEGER,
    FOREIGN KEY (organization_id, resource_type, resource_id) REFERENCES resources (organization_id, type, id) ON DELETE CASCADE
) STRICT;
CREATE UNIQUE INDEX grants_key ON grants (organization_id, holder_id, resource_type, resource_id, role_id);
CREATE INDEX grants_resource_idx ON grants (organization_id, resource_type, resource_id);
CREATE INDEX grants_expiry_idx ON grants (expires_at);
-- How often the grants of an organization were changed: what was read of them under one count is true under it.
ALTER TABLE organizations ADD COLUMN grants_revision INTEGER NOT NULL DEFAULT 0;

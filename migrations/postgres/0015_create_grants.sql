-- Roles that somebody has on one registered thing and everything in it.
CREATE TABLE grants (
    id              UUID   NOT NULL PRIMARY KEY,
    organization_id UUID   NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    -- a person's or an agent's id, and which
    holder_id       UUID   NOT NULL,
    is_agent        BOOLEAN NOT NULL,
    role_id         UUID   NOT NULL,
    resource_type   TEXT   COLLATE "C" NOT NULL,
    resource_id     TEXT   COLLATE "C" NOT NULL,
    granted_by      UUID   REFERENCES users (id) ON DELETE SET NULL,
    created_at      BIGINT NOT NULL,
    -- null: until it is taken away
    expires_at      BIGINT,
    FOREIGN KEY (organization_id, resource_type, resource_id) REFERENCES resources (organization_id, type, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX grants_key ON grants (organization_id, holder_id, resource_type, resource_id, role_id);
CREATE INDEX grants_resource_idx ON grants (organization_id, resource_type, resource_id);
CREATE INDEX grants_expiry_idx ON grants (expires_at);
-- How often the grants of an organization were changed: what was read of them under one count is true under it.
ALTER TABLE organizations ADD COLUMN grants_revision BIGINT NOT NULL DEFAULT 0;

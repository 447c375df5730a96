-- Roles that an organization makes for itself. What anybody holds is `role_id` in memberships, invitations and agents,
-- which also names the platform's own roles, so it refers to no table.
CREATE TABLE roles (
    id              UUID   NOT NULL PRIMARY KEY,
    organization_id UUID   NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name            TEXT   NOT NULL,
    -- the name in lower case, so that two roles do not differ by case alone
    name_key        TEXT   NOT NULL,
    description     TEXT,
    -- a JSON array, sorted
    permissions     TEXT   NOT NULL,
    -- another role of the organization, or one of the platform's
    inherits_from   UUID  ,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL
);
CREATE UNIQUE INDEX roles_name_key ON roles (organization_id, name_key);

-- counts changes of the organization's roles, so that whoever reads it with the facts knows which state they are in
ALTER TABLE organizations ADD COLUMN roles_revision BIGINT NOT NULL DEFAULT 0;

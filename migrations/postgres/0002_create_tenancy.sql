-- Organizations, who belongs to them as what, and who was asked to join.
CREATE TABLE organizations (
    id                      UUID   NOT NULL PRIMARY KEY,
    name                    TEXT   NOT NULL,
    slug                    TEXT   NOT NULL,
    description             TEXT,
    billing_email           TEXT,
    owner_id                UUID   NOT NULL REFERENCES users (id),
    settings                TEXT   NOT NULL,
    max_concurrent_agents   BIGINT NOT NULL,
    max_agent_runtime_hours BIGINT NOT NULL,
    archived_at             BIGINT,
    created_at              BIGINT NOT NULL,
    updated_at              BIGINT NOT NULL,
    -- counts changes, so that a write can tell whether the facts its decision rested on still stand
    version                 BIGINT NOT NULL
);
CREATE UNIQUE INDEX organizations_slug_key ON organizations (slug);

CREATE TABLE memberships (
    id              UUID   NOT NULL PRIMARY KEY,
    organization_id UUID   NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    user_id         UUID   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role_id         UUID   NOT NULL,
    invited_by      UUID   REFERENCES users (id) ON DELETE SET NULL,
    joined_at       BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    version         BIGINT NOT NULL
);
CREATE UNIQUE INDEX memberships_user_key ON memberships (user_id, organization_id);
CREATE INDEX memberships_organization_idx ON memberships (organization_id, id);

CREATE TABLE invitations (
    id              UUID   NOT NULL PRIMARY KEY,
    organization_id UUID   NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    email           TEXT   NOT NULL,
    role_id         UUID   NOT NULL,
    invited_by      UUID   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token_hash      BYTEA  NOT NULL,
    created_at      BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    accepted_at     BIGINT,
    revoked_at      BIGINT
);
CREATE UNIQUE INDEX invitations_token_key ON invitations (token_hash);
CREATE INDEX invitations_organization_idx ON invitations (organization_id, id);

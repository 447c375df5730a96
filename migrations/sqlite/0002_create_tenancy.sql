-- Organizations, who belongs to them as what, and who was asked to join.
CREATE TABLE organizations (
    id                      BLOB   NOT NULL PRIMARY KEY,
    name                    TEXT   NOT NULL,
    slug                    TEXT   NOT NULL,
    description             TEXT,
    billing_email           TEXT,
    owner_id                BLOB   NOT NULL REFERENCES users (id),
    settings                TEXT   NOT NULL,
    max_concurrent_agents   INTEGER NOT NULL,
    max_agent_runtime_hours INTEGER NOT NULL,
    archived_at             INTEGER,
    created_at              INTEGER NOT NULL,
    updated_at              INTEGER NOT NULL,
    -- counts changes, so that a write can tell whether the facts its decision rested on still stand
    version                 INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX organizations_slug_key ON organizations (slug);

CREATE TABLE memberships (
    id              BLOB   NOT NULL PRIMARY KEY,
    organization_id BLOB   NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    user_id         BLOB   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role_id         BLOB   NOT NULL,
    invited_by      BLOB   REFERENCES users (id) ON DELETE SET NULL,
    joined_at       INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    version         INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX memberships_user_key ON memberships (user_id, organization_id);
CREATE INDEX memberships_organization_idx ON memberships (organization_id, id);

CREATE TABLE invitations (
    id              BLOB   NOT NULL PRIMARY KEY,
    organization_id BLOB   NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    email           TEXT   NOT NULL,
    role_id         BLOB   NOT NULL,
    invited_by      BLOB   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token_hash      BLOB   NOT NULL,
    created_at      INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    accepted_at     INTEGER,
    revoked_at      INTEGER
) STRICT;
CREATE UNIQUE INDEX invitations_token_key ON invitations (token_hash);
CREATE INDEX invitations_organization_idx ON invitations (organization_id, id);

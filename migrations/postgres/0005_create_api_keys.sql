-- Programs that work for an organization, each under a role of it.
CREATE TABLE agents (
    id              UUID   NOT NULL PRIMARY KEY,
    organization_id UUID   NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name            TEXT   NOT NULL,
    agent_type      TEXT   NOT NULL,
    role_id         UUID   NOT NULL,
    -- the product's own ids; where set, the agent reaches nothing else
    project_id      TEXT,
    task_id         TEXT,
    created_by      UUID   REFERENCES users (id) ON DELETE SET NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    suspended_at    BIGINT,
    terminated_at   BIGINT,
    version         BIGINT NOT NULL
);
CREATE INDEX agents_organization_idx ON agents (organization_id, id);

-- Keys, and the short tokens for one task, which differ by `single_task` only. Hashes only: whoever reads this table
-- cannot use what it names. Of user, agent and organization: user alone is a person's key, organization alone the
-- organization's own, agent and organization an agent's.
CREATE TABLE api_keys (
    id              UUID   NOT NULL PRIMARY KEY,
    user_id         UUID   REFERENCES users (id) ON DELETE CASCADE,
    agent_id        UUID   REFERENCES agents (id) ON DELETE CASCADE,
    organization_id UUID   REFERENCES organizations (id) ON DELETE CASCADE,
    -- the key that a token for one task was made with; it ends with it
    parent_id       UUID   REFERENCES api_keys (id) ON DELETE CASCADE,
    created_by      UUID   REFERENCES users (id) ON DELETE SET NULL,
    name            TEXT   NOT NULL,
    prefix          TEXT   NOT NULL,
    -- a JSON array of permissions
    scopes          TEXT   NOT NULL,
    single_task     BOOLEAN NOT NULL,
    task_id         TEXT,
    secret_hash     BYTEA  NOT NULL,
    -- the secret before the last rotation, and until when it still opens
    previous_hash   BYTEA,
    previous_until  BIGINT,
    created_at      BIGINT NOT NULL,
    expires_at      BIGINT,
    last_used_at    BIGINT,
    revoked_at      BIGINT
);
CREATE INDEX api_keys_user_idx ON api_keys (user_id, id);
CREATE INDEX api_keys_agent_idx ON api_keys (agent_id, id);
CREATE INDEX api_keys_parent_idx ON api_keys (parent_id);
CREATE INDEX api_keys_organization_idx ON api_keys (organization_id, id);

-- Tokens that agents got on behalf of people (RFC 8693). Each lives no longer than the sign-in and the key it came of.
CREATE TABLE delegations (
    id         UUID   NOT NULL PRIMARY KEY,
    session_id UUID   NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    agent_id   UUID   NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
    key_id     UUID   NOT NULL REFERENCES api_keys (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT
);
CREATE INDEX delegations_session_idx ON delegations (session_id);

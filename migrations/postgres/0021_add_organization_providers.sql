-- Providers that an organization has for the people of its own domains.
CREATE TABLE organization_providers (
    id              UUID    NOT NULL PRIMARY KEY,
    organization_id UUID    NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    label           TEXT    NOT NULL,
    -- OpenID Connect; to the letter
    issuer          TEXT    NOT NULL,
    client_id       TEXT    NOT NULL,
    client_auth     TEXT    NOT NULL,
    -- the client's secret, sealed under the master key
    sealed_secret   BYTEA,
    -- the claim that says whether an address is verified
    verified_claim  TEXT    NOT NULL,
    -- what somebody becomes who comes for the first time; where the role is gone, no member
    role_id         UUID    NOT NULL,
    enabled         BOOLEAN NOT NULL,
    created_at      BIGINT  NOT NULL,
    updated_at      BIGINT  NOT NULL
);
CREATE INDEX organization_providers_organization_idx ON organization_providers (organization_id);

-- Domains of organizations. Several may claim one; one has it confirmed.
CREATE TABLE organization_domains (
    organization_id UUID    NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    domain          TEXT    NOT NULL,
    confirmed_at    BIGINT,
    created_at      BIGINT  NOT NULL,
    PRIMARY KEY (organization_id, domain)
);
CREATE UNIQUE INDEX organization_domains_confirmed_key ON organization_domains (domain) WHERE confirmed_at IS NOT NULL;

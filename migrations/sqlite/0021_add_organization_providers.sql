-- Providers that an organization has for the people of its own domains.
CREATE TABLE organization_providers (
    id              BLOB    NOT NULL PRIMARY KEY,
    organization_id BLOB    NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    label           TEXT    NOT NULL,
    -- OpenID Connect; to the letter
    issuer          TEXT    NOT NULL,
    client_id       TEXT    NOT NULL,
    client_auth     TEXT    NOT NULL,
    -- the client's secret, sealed under the master key
    sealed_secret   BLOB,
    -- the claim that says whether an address is verified
    verified_claim  TEXT    NOT NULL,
    -- what somebody becomes who comes for the first time; where the role is gone, no member
    role_id         BLOB    NOT NULL,
    enabled         INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL
) STRICT;
CREATE INDEX organization_providers_organization_idx ON organization_providers (organization_id);

-- Domains of organizations. Several may claim one; one has it confirmed.
CREATE TABLE organization_domains (
    organization_id BLOB    NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    domain          TEXT    NOT NULL,
    confirmed_at    INTEGER,
    created_at      INTEGER NOT NULL,
    PRIMARY KEY (organization_id, domain)
) STRICT;
CREATE UNIQUE INDEX organization_domains_confirmed_key ON organization_domains (domain) WHERE confirmed_at IS NOT NULL;

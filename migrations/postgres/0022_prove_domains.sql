-- Domains that are proved by a record in DNS.
-- what the record must say; none for a claim from before
ALTER TABLE organization_domains ADD COLUMN challenge TEXT;
-- how a confirmed one was found to be the organization's; none: an administrator of the platform said so
ALTER TABLE organization_domains ADD COLUMN proof TEXT;

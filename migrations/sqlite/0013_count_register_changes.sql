-- How often the register of an organization's things was changed: what was read of it under one count is true under it.
ALTER TABLE organizations ADD COLUMN register_revision INTEGER NOT NULL DEFAULT 0;

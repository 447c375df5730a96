-- When the registration plugins said yes to somebody who waits; null: they have not, or were not asked.
ALTER TABLE users ADD COLUMN waitlist_accepted_at INTEGER;

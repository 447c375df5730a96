-- When an administrator said yes to a request for an account; it may still wait for its other conditions.
ALTER TABLE users ADD COLUMN waitlist_approved_at BIGINT;
-- What a person reads: en, de; null: nobody knows.
ALTER TABLE users ADD COLUMN language TEXT;
-- The language of a letter; null: the first of ours.
ALTER TABLE outbox ADD COLUMN language TEXT;

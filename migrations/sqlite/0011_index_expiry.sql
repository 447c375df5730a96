-- What is over is looked for by its end, and deleted.
CREATE INDEX delegations_expiry_idx ON delegations (expires_at);
CREATE INDEX sessions_expiry_idx ON sessions (expires_at);
CREATE INDEX email_tokens_expiry_idx ON email_tokens (expires_at);
CREATE INDEX api_keys_expiry_idx ON api_keys (expires_at);
CREATE INDEX invitations_expiry_idx ON invitations (expires_at);

-- Networks from which a person has signed in: what others do wrong never slows these.
CREATE TABLE known_networks (
    user_id      BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- an IPv4 address, or an IPv6 /64
    network      TEXT    NOT NULL,
    last_seen_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, network)
) STRICT;

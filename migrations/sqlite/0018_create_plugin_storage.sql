-- What plugins keep, each for itself and for one organization.
CREATE TABLE plugin_entries (
    plugin     TEXT    NOT NULL,
    -- an organization's id, or empty
    space      TEXT    NOT NULL,
    key        TEXT    NOT NULL,
    -- null: the entry is a number
    value      BLOB,
    number     INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (plugin, space, key)
) STRICT;

-- How far each sink has been told of the events.
CREATE TABLE plugin_cursors (
    plugin       TEXT    NOT NULL PRIMARY KEY,
    -- of the last event that it has taken
    seq          INTEGER NOT NULL,
    -- tries since it last took one
    attempts     INTEGER NOT NULL,
    -- nobody else tells it before this
    leased_until INTEGER NOT NULL
) STRICT;

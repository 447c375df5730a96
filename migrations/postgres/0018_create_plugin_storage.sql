-- What plugins keep, each for itself and for one organization.
CREATE TABLE plugin_entries (
    plugin     TEXT   NOT NULL,
    -- an organization's id, or empty
    space      TEXT   NOT NULL,
    key        TEXT   NOT NULL,
    -- null: the entry is a number
    value      BYTEA,
    number     BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (plugin, space, key)
);

-- How far each sink has been told of the events.
CREATE TABLE plugin_cursors (
    plugin       TEXT   NOT NULL PRIMARY KEY,
    -- of the last event that it has taken
    seq          BIGINT NOT NULL,
    -- tries since it last took one
    attempts     BIGINT NOT NULL,
    -- nobody else tells it before this
    leased_until BIGINT NOT NULL
);

-- Plugins that administrators installed, beside those that the configuration binds.
CREATE TABLE plugin_installs (
    plugin          TEXT    NOT NULL PRIMARY KEY,
    -- SHA-256 of the component and of the manifest: nothing else is run under this name
    digest          TEXT    NOT NULL,
    manifest_digest TEXT    NOT NULL,
    version         TEXT    NOT NULL,
    hook            TEXT    NOT NULL,
    -- JSON: the configuration, what follows without an answer, and what of its wishes was granted
    binding         TEXT    NOT NULL,
    enabled         BIGINT  NOT NULL,
    -- counts up over all rows with each change
    revision        BIGINT  NOT NULL,
    updated_at      BIGINT  NOT NULL
);

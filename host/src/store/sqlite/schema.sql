-- Schema 1. Every table starts with its tenant: no query reaches a row without naming it.
-- Times are nanoseconds since the Unix epoch; bodies are JSON.

CREATE TABLE projects (
    tenant TEXT NOT NULL, id TEXT NOT NULL, created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE tokens (
    tenant TEXT NOT NULL, id TEXT NOT NULL, hash BLOB NOT NULL UNIQUE, scope TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE ingest_keys (
    tenant TEXT NOT NULL, project TEXT NOT NULL, id TEXT NOT NULL, created_at INTEGER NOT NULL,
    revoked_at INTEGER,
    PRIMARY KEY (tenant, project, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE blocks (
    tenant TEXT NOT NULL, project TEXT NOT NULL, first_sequence INTEGER NOT NULL, last_sequence INTEGER NOT NULL,
    object TEXT NOT NULL, start_time INTEGER NOT NULL, end_time INTEGER NOT NULL, bytes INTEGER NOT NULL,
    footer_bytes INTEGER NOT NULL, received_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, project, first_sequence)
) STRICT, WITHOUT ROWID;

CREATE TABLE commits (
    tenant TEXT NOT NULL, project TEXT NOT NULL, plugin TEXT NOT NULL, number INTEGER NOT NULL,
    digest TEXT NOT NULL, first_sequence INTEGER NOT NULL, last_sequence INTEGER NOT NULL,
    base_sequence INTEGER NOT NULL, received_at INTEGER NOT NULL, segments BLOB NOT NULL, snapshot BLOB,
    snapshot_commit INTEGER NOT NULL,
    PRIMARY KEY (tenant, project, plugin, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE incidents (
    tenant TEXT NOT NULL, project TEXT NOT NULL, id TEXT NOT NULL, state TEXT NOT NULL,
    opened_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX incidents_by_time ON incidents (tenant, opened_at);

CREATE TABLE signals (
    tenant TEXT NOT NULL, project TEXT NOT NULL, id TEXT NOT NULL, incident TEXT NOT NULL,
    received_at INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX signals_by_incident ON signals (tenant, incident, received_at);

CREATE TABLE incident_links (
    tenant TEXT NOT NULL, project TEXT NOT NULL,
    -- 'fingerprint', 'service' or 'trace'
    kind TEXT NOT NULL,
    value BLOB NOT NULL, incident TEXT NOT NULL,
    PRIMARY KEY (tenant, project, kind, value, incident)
) STRICT, WITHOUT ROWID;

CREATE TABLE timeline (
    tenant TEXT NOT NULL, incident TEXT NOT NULL, number INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (tenant, incident, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE evidence (
    tenant TEXT NOT NULL, incident TEXT NOT NULL, id TEXT NOT NULL, time INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (tenant, incident, id)
) STRICT, WITHOUT ROWID;

-- Schema 5: what was pulled from a bucket, and who runs the detectors of a project.

-- 'host' or 'edge'; and the sequence number behind which the host's sessions begin.
ALTER TABLE projects ADD COLUMN lead TEXT NOT NULL DEFAULT 'host';
ALTER TABLE projects ADD COLUMN sessions_from INTEGER NOT NULL DEFAULT 0;

-- How far a project was pulled: the newest minute (of the Unix epoch), and the newest sequence number of the log by then.
CREATE TABLE pull_cursors (
    tenant TEXT NOT NULL, project TEXT NOT NULL, minute INTEGER NOT NULL, sequence INTEGER NOT NULL,
    PRIMARY KEY (tenant, project)
) STRICT, WITHOUT ROWID;

-- Segments that are in the log and whose objects may still be in the bucket.
CREATE TABLE pulled (
    tenant TEXT NOT NULL, project TEXT NOT NULL, id BLOB NOT NULL, minute INTEGER NOT NULL,
    PRIMARY KEY (tenant, project, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX pulled_by_minute ON pulled (tenant, project, minute);

-- Objects that don't verify and could not be put aside.
CREATE TABLE refused_objects (
    tenant TEXT NOT NULL, project TEXT NOT NULL, object TEXT NOT NULL,
    -- The bucket's tag of its content.
    tag TEXT NOT NULL,
    refused_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, project, object)
) STRICT, WITHOUT ROWID;

-- The last commit of each session at the edge that was taken over into incidents.
CREATE TABLE edge_commits (
    tenant TEXT NOT NULL, project TEXT NOT NULL, plugin TEXT NOT NULL, number INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, project, plugin)
) STRICT, WITHOUT ROWID;

-- Schema 2: changes, and the releases of services that telemetry has shown.

CREATE TABLE changes (
    tenant TEXT NOT NULL, project TEXT NOT NULL, id TEXT NOT NULL, time INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (tenant, project, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX changes_by_time ON changes (tenant, project, time);

CREATE TABLE releases (
    tenant TEXT NOT NULL, project TEXT NOT NULL, service TEXT NOT NULL, release TEXT NOT NULL,
    first_seen INTEGER NOT NULL,
    PRIMARY KEY (tenant, project, service, release)
) STRICT, WITHOUT ROWID;

-- Schema 4: investigations, what they concluded, and the charts that go with an incident.

CREATE TABLE investigations (
    tenant TEXT NOT NULL, incident TEXT NOT NULL, analyst TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (tenant, incident, analyst)
) STRICT, WITHOUT ROWID;

CREATE TABLE conclusions (
    tenant TEXT NOT NULL, incident TEXT NOT NULL, id TEXT NOT NULL, time INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (tenant, incident, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE charts (
    tenant TEXT NOT NULL, incident TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (tenant, incident)
) STRICT, WITHOUT ROWID;

-- Analysts ask for the signals of a time.
CREATE INDEX signals_by_time ON signals (tenant, project, json_extract(body, '$.signal.end_time'));

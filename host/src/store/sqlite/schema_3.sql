-- Schema 3: the life cycle of incidents, and which service brought a trace to an incident.

CREATE TABLE incident_traces (
    tenant TEXT NOT NULL, project TEXT NOT NULL, trace BLOB NOT NULL, incident TEXT NOT NULL,
    -- Of the signal that brought it; '' where it is unknown.
    service TEXT NOT NULL,
    PRIMARY KEY (tenant, project, trace, incident, service)
) STRICT, WITHOUT ROWID;
INSERT INTO incident_traces (tenant, project, trace, incident, service)
    SELECT tenant, project, value, incident, '' FROM incident_links WHERE kind = 'trace';
-- Kinds of links from here on: 'fingerprint', 'service', 'change' (a change in the timeline) and 'apart' (a fingerprint
-- that was split off).
DELETE FROM incident_links WHERE kind = 'trace';

CREATE INDEX incident_traces_by_incident ON incident_traces (tenant, incident);
CREATE INDEX incident_links_by_incident ON incident_links (tenant, incident);
CREATE INDEX incidents_by_state ON incidents (tenant, project, state);

-- Until now the version counted the signals, and every change was a signal's.
UPDATE incidents SET body = json_set(body, '$.lifecycle', json_object(
    'signals', json_extract(body, '$.version'), 'active_at', json_extract(body, '$.updated_at')));

//! The API: tokens, tenants, problems, headers.

use aia::{
    runtime::{Detail, Fingerprint, Measure, RowId, Severity, Signal, Verdict},
    server::default_scope,
    store::{
        CommitRecord, ConclusionRecord, Ending, Evidence, Incident, IncidentState, Investigated,
        InvestigationRecord, Lifecycle, PinnedSignal, Scope, StatementRecord, Store, SuspectRecord,
        TimelineEvent, TokenScope,
    },
};
use aia_telemetry::SegmentId;

use crate::support::{Answer, Host, lock, other_scope, send};

/// A moment, as nanoseconds and as the API writes it.
const MOMENT: u64 = 1_795_435_205_000_000_001;
const MOMENT_TEXT: &str = "2026-11-23T12:00:05.000000001Z";

/// What an analyst left of an incident.
fn investigated(id: &str, text: &str) -> Investigated {
    let said = StatementRecord {
        text: text.to_owned(),
        evidence: vec![format!("ev-{id}")],
    };
    let suspect = SuspectRecord {
        service: "checkout".to_owned(),
        operation: "POST /orders".to_owned(),
        release: "1.4.0".to_owned(),
        code: String::new(),
        probability: 0.8,
        reasons: vec![said.clone()],
    };
    Investigated {
        record: InvestigationRecord {
            incident: id.to_owned(),
            analyst: "suspects".to_owned(),
            time: MOMENT,
            service: "checkout".to_owned(),
            severity: Severity::High,
            basis: String::new(),
            ending: Ending::Concluded,
            failures: 0,
        },
        conclusion: Some(ConclusionRecord {
            id: format!("con-{id}"),
            incident: id.to_owned(),
            analyst: "suspects".to_owned(),
            analyst_version: "0.1.0".to_owned(),
            digest: "d".to_owned(),
            time: MOMENT,
            verdict: Verdict::Cause,
            statements: vec![said],
            suspects: vec![suspect],
            diff: String::new(),
            dropped: 1,
            downgraded: false,
        }),
        evidence: Vec::new(),
        event: None,
        charts: Vec::new(),
    }
}

/// Puts an incident with one of everything into a project.
pub(crate) fn put_incident(store: &dyn Store, scope: &Scope, id: &str, opened_at: u64, title: &str) {
    let incident = Incident {
        id: id.to_owned(),
        project: scope.project.as_str().to_owned(),
        title: title.to_owned(),
        state: IncidentState::Open,
        severity: Severity::High,
        service: "checkout".to_owned(),
        operation: "POST /orders".to_owned(),
        release: "1.4.0".to_owned(),
        affected: vec!["web".to_owned()],
        start_time: MOMENT,
        end_time: 0,
        opened_at,
        updated_at: opened_at,
        count: 3,
        version: 1,
        lifecycle: Lifecycle::default(),
    };
    let signal = Signal {
        kind: "errors.exception".to_owned(),
        severity: Severity::High,
        fingerprint: Fingerprint {
            version: 1,
            parts: vec!["a".to_owned()],
        },
        title: title.to_owned(),
        service: "checkout".to_owned(),
        operation: "POST /orders".to_owned(),
        release: "1.4.0".to_owned(),
        affected: vec!["web".to_owned()],
        start_time: MOMENT,
        end_time: MOMENT,
        count: 3,
        measures: vec![Measure {
            name: "errors.rate".to_owned(),
            unit: "1".to_owned(),
            value: 0.25,
            baseline: Some(0.0),
        }],
        details: vec![Detail {
            name: "exception.type".to_owned(),
            value: "OutOfStock".to_owned(),
        }],
        evidence: vec![RowId { segment: 1, row: 17 }],
    };
    let evidence = Evidence {
        id: format!("ev-{id}"),
        segment: "00".repeat(16),
        row: 17,
        kind: "span".to_owned(),
        time: MOMENT,
        service: "checkout".to_owned(),
        trace_id: "0af7651916cd43dd8448eb211c80319c".to_owned(),
        span_id: "b7ad6b7169203331".to_owned(),
        title: title.to_owned(),
        fields: vec![("exception.message".to_owned(), title.to_owned())],
    };
    let event = TimelineEvent {
        time: MOMENT,
        kind: "opened".to_owned(),
        text: title.to_owned(),
        evidence: vec![evidence.id.clone()],
    };
    let commit = CommitRecord {
        plugin: format!("errors-{id}"),
        number: 1,
        digest: "d".to_owned(),
        first_sequence: 1,
        last_sequence: 1,
        base_sequence: 0,
        received_at: MOMENT,
        segments: vec![SegmentId([0; 16])],
        snapshot: None,
        snapshot_commit: 0,
    };
    store
        .commit(scope, &commit, &mut |transaction| {
            transaction.put_incident(&incident)?;
            transaction.put_signal(&PinnedSignal {
                id: format!("sig-{id}"),
                incident: incident.id.clone(),
                detector: "errors".to_owned(),
                fingerprint: "f".to_owned(),
                received_at: MOMENT,
                evidence: vec![evidence.id.clone()],
                signal: signal.clone(),
            })?;
            transaction.pin(&incident.id, &evidence)?;
            transaction.add_event(&incident.id, &event)
        })
        .unwrap();
    store.put_investigation(scope, &investigated(id, title)).unwrap();
}

pub(crate) fn host() -> Host {
    Host::prepared(
        |_| {},
        |store| {
            put_incident(
                store,
                &default_scope().unwrap(),
                "inc-1",
                MOMENT,
                "OutOfStock in checkout",
            );
            put_incident(store, &other_scope(), "inc-2", MOMENT, "of another tenant");
        },
    )
}

pub(crate) fn get(host: &Host, token: &str, path: &str) -> Answer {
    send(
        "GET",
        &host.api(path),
        &[("authorization", &format!("Bearer {token}"))],
        b"",
    )
}

pub(crate) fn reader(host: &Host) -> String {
    host.token(&default_scope().unwrap().tenant, TokenScope::Read)
}

/// A problem without what differs from request to request.
pub(crate) fn problem(answer: &Answer) -> String {
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let mut problem = answer.json();
    assert_eq!(problem["request_id"].as_str(), answer.header("x-request-id"));
    problem["request_id"] = "[id]".into();
    assert_eq!(problem["status"], answer.status);
    serde_json::to_string_pretty(&problem).unwrap()
}

#[test]
fn health_needs_no_token_and_everything_else_does() {
    let host = host();
    for (path, body) in [
        ("/healthz", r#"{"status":"ok"}"#),
        ("/readyz", r#"{"status":"ok","lag_seconds":1.5}"#),
    ] {
        let answer = send("GET", &host.api(path), &[], b"");
        assert_eq!((answer.status, answer.text().as_str()), (200, body));
    }
    for path in [
        "/metrics",
        "/api/v1/incidents",
        "/api/v1/incidents/inc-1",
        "/api/v1/incidents/inc-1/report",
        "/api/v1/incidents/inc-1/evidence/ev-inc-1",
        "/api/v1/plugins",
        "/api/v1/openapi.json",
        "/",
        "/nothing",
        "/healthz/",
    ] {
        for method in ["GET", "POST", "DELETE"] {
            let answer = send(method, &host.api(path), &[], b"");
            assert_eq!(answer.status, 401, "{method} {path}");
            assert_eq!(answer.header("www-authenticate"), Some(r#"Bearer realm="aia""#));
        }
    }
}

#[test]
fn only_a_token_that_was_made_here_is_valid() {
    let host = host();
    let token = reader(&host);
    assert_eq!(get(&host, &token, "/api/v1/incidents").status, 200);
    let (id, other) = (
        token.get(5..15).unwrap(),
        aia::api::Token::create(TokenScope::Operator, 1).unwrap().0,
    );
    let mut changed = token.clone();
    let last = if changed.ends_with('A') { "B" } else { "A" };
    changed.replace_range(changed.len() - 1.., last);
    for bad in [
        "",
        "x",
        "aiat_",
        &changed,
        other.reveal(),
        &format!("aiat_{id}_{}", "A".repeat(43)),
        &host.key(),
    ] {
        let answer = get(&host, bad, "/api/v1/incidents");
        assert_eq!(answer.status, 401, "{bad}");
    }
    insta::assert_snapshot!(problem(&get(&host, &changed, "/api/v1/incidents")), @r#"
    {
      "code": "unauthorized",
      "detail": "send a valid token as `Authorization: Bearer aiat_…`; `aia token create` makes one",
      "request_id": "[id]",
      "status": 401,
      "title": "Unauthorized",
      "type": "urn:aia:problem:unauthorized"
    }
    "#);
}

#[test]
fn incidents_are_listed_and_shown() {
    let host = host();
    let token = reader(&host);
    let list = get(&host, &token, "/api/v1/incidents").json();
    assert_eq!(list["incidents"].as_array().unwrap().len(), 1);
    assert_eq!(list["next"], serde_json::Value::Null);
    let shown = get(&host, &token, "/api/v1/incidents/inc-1").json();
    assert_eq!(shown["incident"], list["incidents"][0]);
    insta::assert_snapshot!(serde_json::to_string_pretty(&shown).unwrap());
}

#[test]
fn lists_are_paged_and_filtered() {
    let host = Host::prepared(
        |_| {},
        |store| {
            let scope = default_scope().unwrap();
            for number in 1..=5 {
                put_incident(store, &scope, &format!("inc-{number}"), MOMENT + number, "x");
            }
        },
    );
    let token = reader(&host);
    let ids = |list: &serde_json::Value| -> Vec<String> {
        let incidents = list["incidents"].as_array().unwrap();
        incidents
            .iter()
            .map(|incident| incident["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let first = get(&host, &token, "/api/v1/incidents?limit=2").json();
    assert_eq!(ids(&first), ["inc-5", "inc-4"]);
    let next = first["next"].as_str().unwrap();
    let second = get(&host, &token, &format!("/api/v1/incidents?limit=2&before={next}")).json();
    assert_eq!(ids(&second), ["inc-3", "inc-2"]);
    // Times alone are taken, too.
    let before = MOMENT_TEXT.replace("001Z", "003Z");
    let older = get(&host, &token, &format!("/api/v1/incidents?before={before}")).json();
    assert_eq!(ids(&older), ["inc-1"]);
    assert_eq!(
        ids(&get(&host, &token, "/api/v1/incidents?state=resolved,acknowledged").json()).len(),
        0
    );
    assert_eq!(
        ids(&get(&host, &token, "/api/v1/incidents?state=open&project=default").json()).len(),
        5
    );
    assert_eq!(
        ids(&get(&host, &token, "/api/v1/incidents?project=nothing").json()).len(),
        0
    );
}

#[test]
fn pages_miss_none_of_the_incidents_that_opened_at_once() {
    let host = Host::prepared(
        |_| {},
        |store| {
            let scope = default_scope().unwrap();
            for number in 1..=5 {
                put_incident(store, &scope, &format!("inc-{number}"), MOMENT, "x");
            }
        },
    );
    let token = reader(&host);
    let mut seen = Vec::new();
    let mut path = "/api/v1/incidents?limit=2".to_owned();
    loop {
        let page = get(&host, &token, &path).json();
        for incident in page["incidents"].as_array().unwrap() {
            seen.push(incident["id"].as_str().unwrap().to_owned());
        }
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/api/v1/incidents?limit=2&before={next}");
    }
    assert_eq!(seen, ["inc-1", "inc-2", "inc-3", "inc-4", "inc-5"]);
}

#[test]
fn unknown_and_wrong_parameters_are_refused() {
    let host = host();
    let token = reader(&host);
    for query in [
        "stat=open",
        "state=closed",
        "limit=0",
        "limit=501",
        "limit=x",
        "before=yesterday",
        "state=open&x",
    ] {
        let answer = get(&host, &token, &format!("/api/v1/incidents?{query}"));
        assert_eq!(
            (answer.status, answer.json()["code"].as_str()),
            (400, Some("invalid-parameter")),
            "{query}"
        );
    }
    assert_eq!(
        get(&host, &token, "/api/v1/incidents/inc-1/report?formatt=markdown").status,
        400
    );
    insta::assert_snapshot!(problem(&get(&host, &token, "/api/v1/incidents?state=closed")), @r#"
    {
      "code": "invalid-parameter",
      "detail": "`state` is `open`, `acknowledged`, `resolved` or `regressed`",
      "request_id": "[id]",
      "status": 400,
      "title": "Bad Request",
      "type": "urn:aia:problem:invalid-parameter"
    }
    "#);
}

#[test]
fn a_foreign_id_is_answered_like_an_unknown_one() {
    let host = host();
    let token = reader(&host);
    for below in ["", "/report", "/evidence/ev-inc-2"] {
        let foreign = get(&host, &token, &format!("/api/v1/incidents/inc-2{below}"));
        let unknown = get(&host, &token, &format!("/api/v1/incidents/inc-3{below}"));
        assert_eq!(foreign.status, 404);
        assert_eq!(problem(&foreign), problem(&unknown));
    }
    // The evidence of another incident isn't this one's.
    assert_eq!(
        get(&host, &token, "/api/v1/incidents/inc-1/evidence/ev-inc-2").status,
        404
    );
    let other = host.token(&other_scope().tenant, TokenScope::Operator);
    assert_eq!(get(&host, &other, "/api/v1/incidents/inc-2").status, 200);
    assert_eq!(get(&host, &other, "/api/v1/incidents/inc-1").status, 404);
    assert_eq!(
        get(&host, &other, "/api/v1/incidents").json()["incidents"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    insta::assert_snapshot!(problem(&get(&host, &token, "/api/v1/incidents/inc-2")), @r#"
    {
      "code": "not-found",
      "detail": "there is no such incident",
      "request_id": "[id]",
      "status": 404,
      "title": "Not Found",
      "type": "urn:aia:problem:not-found"
    }
    "#);
}

#[test]
fn evidence_is_served_by_its_id() {
    let host = host();
    let evidence = get(&host, &reader(&host), "/api/v1/incidents/inc-1/evidence/ev-inc-1").json();
    assert_eq!(evidence["trace_id"], "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(evidence["time"], MOMENT_TEXT);
    assert_eq!(evidence["fields"][0]["name"], "exception.message");
}

#[test]
fn reports_have_the_media_type_of_the_reporter() {
    let host = host();
    let token = reader(&host);
    for query in ["", "?format=markdown", "?format=text/markdown"] {
        let answer = get(&host, &token, &format!("/api/v1/incidents/inc-1/report{query}"));
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, Some("text/markdown"))
        );
        assert_eq!(answer.text(), "# Report\n");
        // One in HTML is shown with its own style, without script and without an origin.
        let policy = answer.header("content-security-policy").unwrap_or_default();
        assert!(
            policy.contains("style-src 'unsafe-inline'") && policy.ends_with("; sandbox"),
            "{policy}"
        );
    }
    let answer = get(&host, &token, "/api/v1/incidents/inc-1/report?format=pdf");
    assert_eq!(answer.json()["detail"], "`format` is one of: text/markdown");
}

#[test]
fn failures_inside_are_not_told() {
    let host = host();
    let token = reader(&host);
    for id in ["inc-fails", "inc-panics"] {
        let answer = get(&host, &token, &format!("/api/v1/incidents/{id}/report"));
        assert_eq!(answer.status, 500);
        insta::allow_duplicates! {
            insta::assert_snapshot!(problem(&answer), @r#"
            {
              "code": "internal",
              "detail": "quote the request id to the operator",
              "request_id": "[id]",
              "status": 500,
              "title": "Internal Server Error",
              "type": "urn:aia:problem:internal"
            }
            "#);
        }
    }
    *lock(&host.parts.not_ready) = true;
    let answer = send("GET", &host.api("/readyz"), &[], b"");
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")));
    assert_eq!(answer.json()["detail"], "the journal is not ready");
    assert_eq!(send("GET", &host.api("/healthz"), &[], b"").status, 200);
}

#[test]
fn metrics_are_for_operators() {
    let host = host();
    let answer = get(&host, &reader(&host), "/metrics");
    assert_eq!(
        (answer.status, answer.json()["code"].as_str()),
        (403, Some("forbidden"))
    );
    get(&host, "x", "/api/v1/plugins");
    let operator = host.token(&default_scope().unwrap().tenant, TokenScope::Operator);
    let answer = get(&host, &operator, "/metrics");
    assert_eq!(answer.status, 200);
    let metrics = answer.text();
    for line in [
        r#"auth_attempts_total{result="failure"} 1"#,
        r#"auth_attempts_total{result="success"} 2"#,
        r#"aia_api_requests_total{path="/metrics",status="403"} 1"#,
    ] {
        assert!(metrics.contains(line), "{line} isn't in\n{metrics}");
    }
    assert!(metrics.ends_with("# EOF\n"));
}

#[test]
fn paths_that_do_not_exist_make_no_time_series() {
    let host = host();
    let operator = host.token(&default_scope().unwrap().tenant, TokenScope::Operator);
    for number in 0..5 {
        assert_eq!(get(&host, &operator, &format!("/scan/{number}")).status, 404);
        assert_eq!(
            get(&host, &operator, &format!("/api/v1/incidents/{number}")).status,
            404
        );
    }
    let metrics = get(&host, &operator, "/metrics").text();
    assert!(
        metrics.contains(r#"aia_api_requests_total{path="unmatched",status="404"} 5"#),
        "{metrics}"
    );
    assert!(
        metrics.contains(r#"aia_api_requests_total{path="/api/v1/incidents/{id}",status="404"} 5"#),
        "{metrics}"
    );
}

#[test]
fn other_methods_are_405() {
    let host = host();
    let headers = [("authorization", &*format!("Bearer {}", reader(&host)))];
    for path in ["/api/v1/incidents", "/api/v1/incidents/inc-1"] {
        let answer = send("DELETE", &host.api(path), &headers, b"");
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET,HEAD")));
        assert_eq!(answer.json()["code"], "method-not-allowed");
    }
}

#[test]
fn bodies_are_limited() {
    use std::io::{Read, Write};

    let host = host();
    let address = host.api("").replace("http://", "");
    let mut connection = std::net::TcpStream::connect(address.trim_end_matches('/')).unwrap();
    // Only announced: the answer comes before a byte of the body.
    let head = format!(
        "POST /api/v1/incidents HTTP/1.1\r\nhost: aia\r\nauthorization: Bearer {}\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n",
        reader(&host),
        (1 << 20) + 1
    );
    connection.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 413 ") && answer.contains(r#""code":"too-large""#),
        "{answer}"
    );
}

#[test]
fn every_answer_has_the_security_headers() {
    let host = host();
    let token = reader(&host);
    for path in [
        "/healthz",
        "/api/v1/incidents",
        "/api/v1/incidents/none",
        "/nothing",
    ] {
        let answer = get(&host, &token, path);
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
            ("x-frame-options", "DENY"),
            (
                "content-security-policy",
                "default-src 'none'; frame-ancestors 'none'",
            ),
            ("referrer-policy", "no-referrer"),
            ("x-xss-protection", "0"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}");
        }
        assert_eq!(answer.header("x-request-id").map(str::len), Some(16));
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
}

#[test]
fn plugins_are_listed() {
    let host = host();
    let plugins = get(&host, &reader(&host), "/api/v1/plugins").json();
    assert_eq!(plugins["plugins"][0]["name"], "errors");
    assert_eq!(plugins["plugins"][0]["problem"], serde_json::Value::Null);
}

//! Acts on incidents, and changes, over the API.

use aia::{server::default_scope, store::TokenScope};
use serde_json::{Value, json};

use crate::{
    api::{get, host, problem, put_incident, reader},
    support::{Answer, Host, send},
};

fn operator(host: &Host) -> String {
    host.token(&default_scope().unwrap().tenant, TokenScope::Operator)
}

fn post(host: &Host, token: &str, path: &str, tag: Option<&str>, body: &Value) -> Answer {
    let authorization = format!("Bearer {token}");
    let mut headers = vec![
        ("authorization", authorization.as_str()),
        ("content-type", "application/json"),
    ];
    headers.extend(tag.map(|tag| ("if-match", tag)));
    send("POST", &host.api(path), &headers, body.to_string().as_bytes())
}

fn tag(answer: &Answer) -> String {
    answer.header("etag").unwrap().to_owned()
}

#[test]
fn an_incident_is_acknowledged_resolved_and_reopened() {
    let host = host();
    let token = operator(&host);
    let mut seen = tag(&get(&host, &token, "/api/v1/incidents/inc-1"));
    assert_eq!(seen, "\"1\"");
    for (act, state, said) in [
        ("acknowledge", "acknowledged", "Acknowledged"),
        ("resolve", "resolved", "Resolved"),
        ("reopen", "open", "Reopened"),
    ] {
        let answer = post(
            &host,
            &token,
            &format!("/api/v1/incidents/inc-1/{act}"),
            Some(&seen),
            &json!({"text": "because"}),
        );
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.json()["state"], state);
        assert_ne!(tag(&answer), seen);
        seen = tag(&answer);
        let shown = get(&host, &token, "/api/v1/incidents/inc-1");
        assert_eq!(tag(&shown), seen);
        let event = shown.json()["timeline"]
            .as_array()
            .unwrap()
            .last()
            .unwrap()
            .clone();
        let text = format!("{said} by token {}: because", token.get(5..15).unwrap());
        assert_eq!(event["text"], text);
    }
    // A note can do without the version, and has a text.
    let note = post(
        &host,
        &token,
        "/api/v1/incidents/inc-1/notes",
        None,
        &json!({"text": "x"}),
    );
    assert_eq!(
        (note.status, note.header("location")),
        (201, Some("/api/v1/incidents/inc-1"))
    );
    assert_eq!(
        post(&host, &token, "/api/v1/incidents/inc-1/notes", None, &json!({})).status,
        400
    );
}

#[test]
fn what_somebody_else_changed_meanwhile_is_refused() {
    let host = host();
    let token = operator(&host);
    let path = "/api/v1/incidents/inc-1/resolve";
    let seen = tag(&get(&host, &token, "/api/v1/incidents/inc-1"));
    post(
        &host,
        &token,
        "/api/v1/incidents/inc-1/acknowledge",
        Some(&seen),
        &json!({}),
    );
    for stale in [seen.as_str(), "W/\"2\"", "\"x\"", "2"] {
        assert_eq!(
            post(&host, &token, path, Some(stale), &json!({})).status,
            412,
            "{stale}"
        );
    }
    insta::assert_snapshot!(problem(&post(&host, &token, path, Some(&seen), &json!({}))), @r#"
{
  "code": "changed",
  "detail": "it has changed since: read it again, and decide again",
  "request_id": "[id]",
  "status": 412,
  "title": "Precondition Failed",
  "type": "urn:aia:problem:changed"
}
"#);
    insta::assert_snapshot!(problem(&post(&host, &token, path, None, &json!({}))), @r#"
{
  "code": "precondition-required",
  "detail": "send the `ETag` of what you decided on as `If-Match`",
  "request_id": "[id]",
  "status": 428,
  "title": "Precondition Required",
  "type": "urn:aia:problem:precondition-required"
}
"#);
    assert_eq!(
        get(&host, &token, "/api/v1/incidents/inc-1").json()["incident"]["state"],
        "acknowledged"
    );
    assert_eq!(post(&host, &token, path, Some("*"), &json!({})).status, 200);
}

#[test]
fn only_operators_act_and_only_on_their_own() {
    let host = host();
    let (operator, reader) = (operator(&host), reader(&host));
    for act in ["acknowledge", "resolve", "reopen", "merge", "split", "notes"] {
        let path = format!("/api/v1/incidents/inc-1/{act}");
        assert_eq!(
            post(&host, &reader, &path, Some("*"), &json!({})).status,
            403,
            "{act}"
        );
        assert_eq!(send("POST", &host.api(&path), &[], b"{}").status, 401, "{act}");
    }
    assert_eq!(
        post(&host, &reader, "/api/v1/changes", None, &json!({})).status,
        403
    );
    // `inc-2` is another tenant's.
    let foreign = post(
        &host,
        &operator,
        "/api/v1/incidents/inc-2/resolve",
        Some("*"),
        &json!({}),
    );
    let unknown = post(
        &host,
        &operator,
        "/api/v1/incidents/inc-3/resolve",
        Some("*"),
        &json!({}),
    );
    assert_eq!((foreign.status, problem(&foreign)), (404, problem(&unknown)));
    let into = json!({"into": "inc-2"});
    assert_eq!(
        post(
            &host,
            &operator,
            "/api/v1/incidents/inc-1/merge",
            Some("*"),
            &into
        )
        .status,
        404
    );
}

#[test]
fn bodies_are_json_of_what_is_asked_for() {
    let host = host();
    let token = operator(&host);
    let authorization = format!("Bearer {token}");
    let send_as = |content_type: &str, body: &[u8]| {
        let headers = [
            ("authorization", authorization.as_str()),
            ("if-match", "*"),
            ("content-type", content_type),
        ];
        send(
            "POST",
            &host.api("/api/v1/incidents/inc-1/acknowledge"),
            &headers,
            body,
        )
    };
    for body in [&b"{"[..], b"[]", br#"{"txt":""}"#, br#"{"text":1}"#, b"\xff"] {
        let answer = send_as("application/json", body);
        assert_eq!(
            (answer.status, answer.json()["code"].as_str()),
            (400, Some("invalid-body"))
        );
    }
    assert_eq!(send_as("text/plain", b"{}").status, 415);
    assert_eq!(send_as("application/json; charset=utf-8", b"{}").status, 200);
    assert_eq!(send_as("text/plain", b"").status, 200);
    let long = json!({"text": "x".repeat(10_001)}).to_string();
    assert_eq!(send_as("application/json", long.as_bytes()).status, 400);
}

#[test]
fn a_merged_incident_redirects() {
    let host = Host::prepared(
        |_| {},
        |store| {
            let scope = default_scope().unwrap();
            put_incident(store, &scope, "inc-a", 1_000, "a");
            put_incident(store, &scope, "inc-b", 2_000, "b");
        },
    );
    let token = operator(&host);
    let into = json!({"into": "inc-a"});
    let merged = post(
        &host,
        &token,
        "/api/v1/incidents/inc-b/merge",
        Some("\"1\""),
        &into,
    );
    assert_eq!(
        (merged.status, merged.json()["id"].as_str()),
        (200, Some("inc-a"))
    );
    assert_eq!(merged.json()["count"], 6);
    let gone = get(&host, &token, "/api/v1/incidents/inc-b");
    assert_eq!(
        (gone.status, gone.header("location")),
        (308, Some("/api/v1/incidents/inc-a"))
    );
    let again = post(
        &host,
        &token,
        "/api/v1/incidents/inc-b/resolve",
        Some("*"),
        &json!({}),
    );
    insta::assert_snapshot!(problem(&again), @r#"
{
  "code": "conflict",
  "detail": "`inc-b` was merged into `inc-a`",
  "request_id": "[id]",
  "status": 409,
  "title": "Conflict",
  "type": "urn:aia:problem:conflict"
}
"#);
    let details = get(&host, &token, "/api/v1/incidents/inc-a").json();
    assert_eq!(details["signals"].as_array().unwrap().len(), 2);
    // And apart again.
    let split = post(
        &host,
        &token,
        "/api/v1/incidents/inc-a/split",
        Some("*"),
        &json!({"signals": ["sig-inc-b"]}),
    );
    assert_eq!(split.status, 201, "{}", split.text());
    assert_eq!(split.json()["split_from"], "inc-a");
    let location = split.header("location").unwrap();
    let new = get(&host, &token, location).json();
    assert_eq!(new["signals"][0]["id"], "sig-inc-b");
    assert_eq!(new["evidence"][0]["id"], "ev-inc-b");
}

#[test]
fn changes_are_told_once_and_listed() {
    let host = host();
    let token = operator(&host);
    let deploy = json!({
        "kind": "deploy", "service": "checkout", "release": "1.4.0", "release_previous": "1.3.9",
        "time": "2026-11-23T11:59:00Z", "author": "ada", "link": "https://example.com/42",
    });
    let told = post(&host, &token, "/api/v1/changes", None, &deploy);
    assert_eq!(told.status, 201, "{}", told.text());
    let again = post(&host, &token, "/api/v1/changes", None, &deploy);
    assert_eq!((again.status, again.json()), (200, told.json()));
    let flag = json!({"kind": "flag", "text": "new cart"});
    assert_eq!(post(&host, &token, "/api/v1/changes", None, &flag).status, 201);
    assert_eq!(post(&host, &token, "/api/v1/changes", None, &flag).status, 200);

    let list = |query: &str| {
        let list = get(&host, &token, &format!("/api/v1/changes{query}"));
        assert_eq!(list.status, 200, "{}", list.text());
        list.json()["changes"].as_array().unwrap().clone()
    };
    assert_eq!(list("").len(), 2);
    assert_eq!(list("?service=checkout"), [told.json()]);
    assert_eq!(
        list("?from=2026-11-23T11:59:00Z&to=2026-11-23T11:59:00Z").len(),
        1
    );
    assert_eq!(list("?to=2026-11-23T11:58:59Z").len(), 0);
    for query in ["?from=yesterday", "?until=2026-11-23T11:58:59Z"] {
        assert_eq!(
            get(&host, &token, &format!("/api/v1/changes{query}")).status,
            400,
            "{query}"
        );
    }
    for project in ["nothing", "../x"] {
        assert_eq!(
            get(&host, &token, &format!("/api/v1/changes?project={project}")).status,
            404
        );
    }
    for wrong in [
        json!({"kind": "deploy", "service": "checkout"}),
        json!({"kind": "rollout", "service": "checkout", "release": "1"}),
        json!({"kind": "flag"}),
        json!({"kind": "flag", "text": "x", "time": "now"}),
        json!({"kind": "flag", "text": "x", "link": "ftp://x"}),
        json!({"kind": "flag", "text": "x", "colour": "red"}),
    ] {
        assert_eq!(
            post(&host, &token, "/api/v1/changes", None, &wrong).status,
            400,
            "{wrong}"
        );
    }
    let mut told = told.json();
    told["received_at"] = "[now]".into();
    insta::assert_snapshot!(serde_json::to_string_pretty(&told).unwrap(), @r#"
{
  "author": "ada",
  "id": "chg-82dfb2a388dab6c6fea8ca749f350c32",
  "kind": "deploy",
  "link": "https://example.com/42",
  "project": "default",
  "received_at": "[now]",
  "release": "1.4.0",
  "release_previous": "1.3.9",
  "service": "checkout",
  "source": "api",
  "text": "",
  "time": "2026-11-23T11:59:00.000000000Z"
}
"#);
}

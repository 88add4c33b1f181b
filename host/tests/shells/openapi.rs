//! The OpenAPI document against the API that it describes.

use aia::{server::default_scope, store::TokenScope};
use serde_json::Value;

use crate::support::{Host, send};

fn document() -> Value {
    serde_json::to_value(aia::api::document()).unwrap()
}

/// Every (path, method) of the document.
fn operations(document: &Value) -> Vec<(String, String)> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            operations.push((path.clone(), method.clone()));
        }
    }
    operations
}

#[test]
fn the_operations_are_these() {
    let operations: Vec<_> = operations(&document())
        .iter()
        .map(|(path, method)| format!("{method} {path}"))
        .collect();
    insta::assert_snapshot!(operations.join("\n"), @r"
get /api/v1/changes
post /api/v1/changes
get /api/v1/incidents
get /api/v1/incidents/{id}
post /api/v1/incidents/{id}/acknowledge
get /api/v1/incidents/{id}/evidence/{evidence}
post /api/v1/incidents/{id}/merge
post /api/v1/incidents/{id}/notes
post /api/v1/incidents/{id}/reopen
get /api/v1/incidents/{id}/report
post /api/v1/incidents/{id}/resolve
post /api/v1/incidents/{id}/split
get /api/v1/openapi.json
get /api/v1/plugins
get /healthz
get /metrics
get /readyz
");
}

#[test]
fn every_operation_exists_and_demands_a_token_where_it_says_so() {
    let host = Host::start();
    let token = host.token(&default_scope().unwrap().tenant, TokenScope::Operator);
    let document = document();
    for (path, method) in operations(&document) {
        let operation = &document["paths"][&path][&method];
        let is_open = operation["security"] == serde_json::json!([{}]);
        let url = host.api(&path.replace(['{', '}'], ""));
        let anonymous = send(&method.to_uppercase(), &url, &[], b"").status;
        assert_eq!(anonymous != 401, is_open, "{method} {path}");
        assert_eq!(
            operation["responses"].get("401").is_none(),
            is_open,
            "{method} {path}"
        );
        let headers = [("authorization", &*format!("Bearer {token}"))];
        let answer = send(&method.to_uppercase(), &url, &headers, b"");
        let documented = operation["responses"].as_object().unwrap();
        assert!(
            documented.contains_key(&answer.status.to_string()),
            "{method} {path}: {}",
            answer.status
        );
        assert_ne!(
            answer.json_or_null()["detail"],
            "there is no such path",
            "{method} {path}"
        );
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    match (name.as_str(), value) {
                        ("$ref", Value::String(reference)) => found.push(reference),
                        _ => references(value, found),
                    }
                }
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let document = document();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(!found.is_empty());
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

#[test]
fn it_is_served_as_it_is() {
    let host = Host::start();
    let token = host.token(&default_scope().unwrap().tenant, TokenScope::Read);
    let headers = [("authorization", &*format!("Bearer {token}"))];
    let served = send("GET", &host.api("/api/v1/openapi.json"), &headers, b"").json();
    assert_eq!(served, document());
    assert_eq!(served["openapi"], "3.1.0");
    assert_eq!(served["info"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(served["security"], serde_json::json!([{"token": []}]));
    assert_eq!(
        served["components"]["securitySchemes"]["token"]["scheme"],
        "bearer"
    );
}

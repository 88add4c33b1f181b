//! The specification's messages, written anew from its field tables, sent in every way and read back.

use aia_oracle::{Request, Style, examples};
use aia_tests::Telemetry;
use anyhow::Result;

use crate::send::{JSON, STYLE, path, send};
use crate::taker::Taker;

/// Marks all rows of a request by the schema URL of its resource, so that it can be told from others that say the same.
fn marked(mut request: Request, mark: &str) -> Request {
    match &mut request {
        Request::Traces(request) => request.resource_spans[0].schema_url = mark.to_owned(),
        Request::Logs(request) => request.resource_logs[0].schema_url = mark.to_owned(),
        Request::Metrics(request) => request.resource_metrics[0].schema_url = mark.to_owned(),
    }
    request
}

fn assert_stored(stored: &Telemetry, request: &Request) {
    let (expected, refused) = request.clone().normal();
    assert_eq!(refused, 0);
    let is_stored = match &expected {
        Request::Traces(request) => stored.traces.resource_spans.contains(&request.resource_spans[0]),
        Request::Logs(request) => stored.logs.resource_logs.contains(&request.resource_logs[0]),
        Request::Metrics(request) => stored
            .metrics
            .resource_metrics
            .contains(&request.resource_metrics[0]),
    };
    assert!(is_stored, "{expected:#?}\nis not in\n{stored:#?}");
}

#[test]
fn every_field_of_every_signal_is_stored_whatever_way_it_comes() -> Result<()> {
    let folder = tempfile::tempdir()?;
    for taker in Taker::all(folder.path())? {
        let mut sent = Vec::new();
        for &way in taker.ways() {
            for example in examples::all() {
                let request = marked(example, &format!("{way:?}"));
                // `partial_success` is unset on full success.
                assert_eq!(send(&taker, way, &request)?, None, "{way:?}");
                sent.push(request);
            }
        }
        let stored = taker.stored()?;
        for request in &sent {
            assert_stored(&stored, request);
        }
        assert_eq!(stored.traces.resource_spans.len(), taker.ways().len());
    }
    Ok(())
}

#[test]
fn json_is_read_in_every_style_that_the_specification_allows() -> Result<()> {
    let folder = tempfile::tempdir()?;
    for taker in Taker::all(folder.path())? {
        let mut sent = Vec::new();
        for choice in 0..2 {
            let style = Style {
                integers_as_strings: choice == 0,
                upper_case_hex: true,
                base64_of_urls: choice == 1,
                unknown_fields: true,
                nulls: choice == 1,
            };
            for example in examples::all() {
                let request = marked(example, &format!("style {choice}"));
                let answer = taker.post(path(&request), &[JSON], &request.json(style))?;
                assert_eq!((answer.status, answer.body.as_slice()), (200, b"{}".as_slice()));
                sent.push(request);
            }
        }
        let stored = taker.stored()?;
        for request in &sent {
            assert_stored(&stored, request);
        }
    }
    Ok(())
}

#[test]
fn json_numbers_that_are_none_are_texts() -> Result<()> {
    let folder = tempfile::tempdir()?;
    for taker in Taker::all(folder.path())? {
        let body =
            br#"{"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "m", "gauge": {"dataPoints": [
        {"timeUnixNano": "1", "asDouble": "NaN"}, {"timeUnixNano": 2, "asDouble": "Infinity"},
        {"timeUnixNano": "3", "asDouble": "-Infinity"}]}}]}]}]}"#;
        assert_eq!(taker.post("/v1/metrics", &[JSON], body)?.status, 200);
        let stored = format!("{:?}", taker.stored()?.metrics);
        for value in ["AsDouble(NaN)", "AsDouble(inf)", "AsDouble(-inf)"] {
            assert!(stored.contains(value), "{value} is not in {stored}");
        }
    }
    Ok(())
}

#[test]
fn gzip_and_zstd_say_the_same() -> Result<()> {
    let folder = tempfile::tempdir()?;
    for taker in Taker::all(folder.path())? {
        let compressions = taker.compressions().iter();
        for (&encoding, json) in compressions.flat_map(|encoding| [(encoding, false), (encoding, true)]) {
            for example in examples::all() {
                let request = marked(example, &format!("{encoding} {json}"));
                let (content_type, body) = if json {
                    (JSON, request.json(STYLE))
                } else {
                    (crate::send::PROTOBUF, request.encode())
                };
                let body = match encoding {
                    "gzip" => crate::bomb::gzip(&body),
                    _ => zstd::encode_all(body.as_slice(), 3)?,
                };
                let headers = [content_type, ("content-encoding", encoding)];
                assert_eq!(taker.post(path(&request), &headers, &body)?.status, 200);
                assert_stored(&taker.stored()?, &request);
            }
        }
    }
    Ok(())
}

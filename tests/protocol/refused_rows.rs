//! Rows that are refused one by one: the rest is taken, `partial_success` says how many and why, a metric counts them.

use aia_oracle::{Request, examples};
use aia_tests::Host;
use anyhow::{Context, Result};

use crate::send::send;
use crate::taker::Taker;

/// The same example once more, so that retries aren't taken for duplicates.
fn numbered(mut request: Request, number: usize) -> Request {
    let mark = format!("{number}");
    match &mut request {
        Request::Traces(request) => request.resource_spans[0].schema_url = mark,
        Request::Logs(request) => request.resource_logs[0].schema_url = mark,
        Request::Metrics(request) => request.resource_metrics[0].schema_url = mark,
    }
    request
}

fn refused(host: &Host, reason: &str) -> Result<u64> {
    host.metric(&format!(r#"aia_ingest_refused_rows_total{{reason="{reason}"}}"#))
}

#[test]
fn spans_with_an_invalid_id() -> Result<()> {
    let folder = tempfile::tempdir()?;
    for taker in Taker::all(folder.path())? {
        for (number, &way) in taker.ways().iter().enumerate() {
            let mut request = numbered(examples::traces(), number);
            if let Request::Traces(request) = &mut request {
                let spans = &mut request.resource_spans[0].scope_spans[0].spans;
                for _ in 0..3 {
                    spans.push(spans[0].clone());
                }
                spans[1].trace_id = vec![0; 16];
                spans[2].span_id = vec![1; 7];
                spans[3].parent_span_id = vec![1; 9];
            }
            let (rows, message) = send(&taker, way, &request)?.unwrap_or_default();
            assert_eq!(rows, 3, "{way:?}");
            assert_eq!(
                message,
                "spans were refused: 1 with an invalid trace id, 1 with an invalid span id, 1 with an invalid parent span id"
            );
        }
        for reason in ["trace-id", "span-id", "parent-span-id"] {
            assert_eq!(
                3,
                taker.host().map_or(Ok(3), |host| refused(host, reason))?,
                "{reason}"
            );
        }
        // The valid span of each request is there.
        assert_eq!(taker.stored()?.traces.resource_spans.len(), taker.ways().len());
    }
    Ok(())
}

#[test]
fn rows_with_too_many_attributes() -> Result<()> {
    let folder = tempfile::tempdir()?;
    // The examples' span and first log record have seven; points one.
    let taker = Taker::Host(Box::new(Host::start_with(
        folder.path(),
        &["--set", "limits.attributes-per-row=6"],
    )?));
    for (number, &way) in taker.ways().iter().enumerate() {
        let expected = [
            Some((1, "spans were refused: 1 with too many attributes".to_owned())),
            Some((
                1,
                "log records were refused: 1 with too many attributes".to_owned(),
            )),
            None,
        ];
        for (example, expected) in examples::all().into_iter().zip(expected) {
            assert_eq!(
                send(&taker, way, &numbered(example, number))?,
                expected,
                "{way:?}"
            );
        }
    }
    assert_eq!(refused(taker.host().context("a host")?, "attributes")?, 6);
    assert_eq!(taker.stored()?.logs.resource_logs.len(), 3);
    Ok(())
}

#[test]
fn rows_that_are_too_old() -> Result<()> {
    let folder = tempfile::tempdir()?;
    // The examples are of 2018. Without the setting they are taken, as the other tests show.
    let taker = Taker::Host(Box::new(Host::start_with(
        folder.path(),
        &["--set", "limits.row-age=1 d"],
    )?));
    for (number, &way) in taker.ways().iter().enumerate() {
        let expected = [
            (1, "spans were refused: 1 too old"),
            // The other has no time.
            (1, "log records were refused: 1 too old"),
            (5, "data points were refused: 5 too old"),
        ];
        for (example, (rows, message)) in examples::all().into_iter().zip(expected) {
            let answer = send(&taker, way, &numbered(example, number))?;
            assert_eq!(answer, Some((rows, message.to_owned())), "{way:?}");
        }
    }
    assert_eq!(refused(taker.host().context("a host")?, "too-old")?, 21);
    Ok(())
}

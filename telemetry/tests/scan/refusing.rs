//! Rows that are left out while the rest of the request is taken: too many attributes, too old. In both encodings, for
//! all signals.

use aia_oracle::{Request, Style, examples};
use aia_telemetry::{Refused, ScanLimits, Scanned, Scratch, SignalType, scan_json, scan_protobuf, validate};
use opentelemetry_proto::tonic::{
    common::v1::KeyValue,
    metrics::v1::{Metric, metric::Data},
};

const STYLE: Style = Style {
    integers_as_strings: true,
    upper_case_hex: false,
    base64_of_urls: false,
    unknown_fields: false,
    nulls: false,
};

/// What both scanners make of a request; they have to agree.
fn scan(request: &Request, limits: &ScanLimits) -> Scanned {
    let signal = request.signal();
    let mut scratch = Scratch::default();
    let protobuf = scan_protobuf(signal, &request.encode(), limits, &mut scratch).unwrap();
    let json = scan_json(signal, &request.json(STYLE), limits, &mut scratch).unwrap();
    assert_eq!(validate(&protobuf.columns), Ok(()));
    assert_eq!(validate(&json.columns), Ok(()));
    assert_eq!(protobuf.refused, json.refused);
    assert_eq!(
        Request::from_columns(&protobuf.columns).encode(),
        Request::from_columns(&json.columns).encode()
    );
    protobuf
}

fn at_most(max_attributes: u32) -> ScanLimits {
    ScanLimits {
        max_attributes,
        ..ScanLimits::default()
    }
}

fn since(oldest: u64) -> ScanLimits {
    ScanLimits {
        oldest,
        ..ScanLimits::default()
    }
}

fn attributes(count: usize) -> Vec<KeyValue> {
    (0..count)
        .map(|number| KeyValue {
            key: format!("refused.{number}"),
            ..KeyValue::default()
        })
        .collect()
}

/// The example, and the same with what `change` makes of its row in front and behind: what is left is the example.
fn assert_refused(example: &Request, bad: &Request, limits: &ScanLimits, refused: Refused) {
    let (first, last) = (
        join(bad.clone(), example.clone()),
        join(example.clone(), bad.clone()),
    );
    for request in [first, last] {
        let scanned = scan(&request, limits);
        assert_eq!(scanned.refused, refused);
        let alone = scan(example, limits);
        assert_eq!(alone.refused, Refused::default());
        assert_eq!(scanned.columns.rows(), alone.columns.rows());
        // Nothing of a refused row is left: no text, no nested value.
        let strings = |scanned: &Scanned| scanned.columns.common().strings.ends.len();
        assert_eq!(strings(&scanned), strings(&alone));
        let nested = |scanned: &Scanned| scanned.columns.common().nested.key.len();
        assert_eq!(nested(&scanned), nested(&alone));
    }
}

/// The rows of both in one scope.
fn join(mut first: Request, second: Request) -> Request {
    match (&mut first, second) {
        (Request::Traces(first), Request::Traces(mut second)) => {
            let spans = std::mem::take(&mut second.resource_spans[0].scope_spans[0].spans);
            first.resource_spans[0].scope_spans[0].spans.extend(spans);
        }
        (Request::Logs(first), Request::Logs(mut second)) => {
            let records = std::mem::take(&mut second.resource_logs[0].scope_logs[0].log_records);
            first.resource_logs[0].scope_logs[0].log_records.extend(records);
        }
        (Request::Metrics(first), Request::Metrics(second)) => {
            // Points of the same kind into the same metric.
            let metrics = &mut first.resource_metrics[0].scope_metrics[0].metrics;
            for (to, from) in metrics
                .iter_mut()
                .zip(&second.resource_metrics[0].scope_metrics[0].metrics)
            {
                join_points(to, from);
            }
        }
        _ => unreachable!("both are of one signal"),
    }
    first
}

fn join_points(to: &mut Metric, from: &Metric) {
    match (to.data.as_mut().unwrap(), from.data.clone().unwrap()) {
        (Data::Gauge(to), Data::Gauge(from)) => to.data_points.extend(from.data_points),
        (Data::Sum(to), Data::Sum(from)) => to.data_points.extend(from.data_points),
        (Data::Histogram(to), Data::Histogram(from)) => to.data_points.extend(from.data_points),
        (Data::ExponentialHistogram(to), Data::ExponentialHistogram(from)) => {
            to.data_points.extend(from.data_points);
        }
        (Data::Summary(to), Data::Summary(from)) => to.data_points.extend(from.data_points),
        _ => unreachable!("both are of one kind"),
    }
}

fn too_many(rows: u32) -> Refused {
    Refused {
        attributes: rows,
        ..Refused::default()
    }
}

#[test]
fn spans_with_too_many_attributes_or_whose_events_or_links_have() {
    let example = examples::traces();
    let limits = at_most(7);
    for part in 0..3 {
        let mut bad = example.clone();
        let Request::Traces(request) = &mut bad else {
            unreachable!("spans")
        };
        let span = &mut request.resource_spans[0].scope_spans[0].spans[0];
        match part {
            0 => span.attributes = attributes(8),
            1 => span.events[0].attributes = attributes(8),
            _ => span.links[0].attributes = attributes(8),
        }
        assert_refused(&example, &bad, &limits, too_many(1));
    }
    // The limit itself is allowed.
    assert_eq!(scan(&example, &at_most(7)).refused.total(), 0);
    assert_eq!(scan(&example, &at_most(6)).refused.total(), 1);
}

#[test]
fn log_records_with_too_many_attributes() {
    let example = examples::logs();
    let mut bad = example.clone();
    let Request::Logs(request) = &mut bad else {
        unreachable!("log records")
    };
    for record in &mut request.resource_logs[0].scope_logs[0].log_records {
        record.attributes = attributes(8);
    }
    assert_refused(&example, &bad, &at_most(7), too_many(2));
}

#[test]
fn points_of_every_kind_with_too_many_attributes_or_whose_exemplars_have() {
    let example = examples::metrics();
    for in_exemplars in [false, true] {
        let mut bad = example.clone();
        let Request::Metrics(request) = &mut bad else {
            unreachable!("metrics")
        };
        macro_rules! overfill {
            ($data:expr) => {
                for point in &mut $data.data_points {
                    if in_exemplars {
                        point.exemplars[0].filtered_attributes = attributes(8);
                    } else {
                        point.attributes = attributes(8);
                    }
                }
            };
        }
        for metric in &mut request.resource_metrics[0].scope_metrics[0].metrics {
            match metric.data.as_mut().unwrap() {
                Data::Gauge(data) => overfill!(data),
                Data::Sum(data) => overfill!(data),
                Data::Histogram(data) => overfill!(data),
                Data::ExponentialHistogram(data) => overfill!(data),
                // A summary has no exemplars.
                Data::Summary(data) => data.data_points[0].attributes = attributes(8),
            }
        }
        assert_refused(&example, &bad, &at_most(7), too_many(5));
    }
}

#[test]
fn too_old_rows_of_every_signal_are_left_out_and_rows_without_a_time_are_not() {
    let end = examples::START + 1_000_000_000;
    for (example, time, rows) in [
        (examples::traces(), end, 1),
        // The second record has no time.
        (examples::logs(), examples::START, 1),
        (examples::metrics(), examples::START + 60_000_000_000, 5),
    ] {
        assert_eq!(scan(&example, &since(time)).refused, Refused::default());
        let refused = scan(&example, &since(time + 1)).refused;
        let expected = Refused {
            too_old: rows,
            ..Refused::default()
        };
        assert_eq!(refused, expected);
    }
}

/// Points of data that another kind of data replaces are not there, and so not refused either.
#[test]
fn replaced_data_refuses_nothing() {
    let body = br#"{"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "m",
        "gauge": {"dataPoints": [{"timeUnixNano": "5", "asInt": "1"}]},
        "sum": {"dataPoints": [{"timeUnixNano": "500", "asInt": "2"}]}}]}]}]}"#;
    let scanned = scan_json(SignalType::Metrics, body, &since(100), &mut Scratch::default()).unwrap();
    assert_eq!(scanned.refused, Refused::default());
    assert_eq!(scanned.columns.rows(), 1);
}

#[test]
fn the_sender_is_told_the_reasons() {
    let refused = Refused {
        trace_id: 2,
        attributes: 1,
        ..Refused::default()
    };
    assert_eq!(
        refused.message(SignalType::Traces),
        "spans were refused: 2 with an invalid trace id, 1 with too many attributes"
    );
    let refused = Refused {
        too_old: 3,
        ..Refused::default()
    };
    assert_eq!(
        refused.message(SignalType::Metrics),
        "data points were refused: 3 too old"
    );
    assert_eq!(Refused::default().message(SignalType::Logs), "");
}

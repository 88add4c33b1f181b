//! Batches cut from columns are those columns, in parts.

use aia_telemetry::{Columns, cut, shift_times, split_by_time, validate};
use opentelemetry_proto::tonic::metrics::v1::{Metric, metric::Data};
use proptest::{
    prelude::{ProptestConfig, prop_assert, prop_assert_eq},
    proptest,
};

use crate::{
    generate,
    request::{self, Request},
};

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn batches_concatenated_are_the_whole(request in generate::request(), max_rows in 0..6_u32) {
        let whole = request::protobuf(request.signal(), &request.encode()).unwrap().columns;
        let batches = cut(whole.clone(), max_rows);
        let mut first_row = 0;
        for (first, batch) in &batches {
            prop_assert_eq!(*first as usize, first_row);
            prop_assert_eq!(validate(batch), Ok(()));
            prop_assert!(batch.rows() <= max_rows.max(1) as usize);
            first_row += batch.rows();
        }
        prop_assert_eq!(first_row, whole.rows());
        let parts: Vec<String> = batches.iter().flat_map(|(_, batch)| rows(batch)).collect();
        prop_assert_eq!(parts, rows(&whole));
    }

    #[test]
    fn batches_carry_only_what_they_use(request in generate::request(), max_rows in 1..3_u32) {
        let whole = request::protobuf(request.signal(), &request.encode()).unwrap().columns;
        for (_, batch) in cut(whole.clone(), max_rows) {
            if batch.rows() == whole.rows() {
                prop_assert_eq!(&batch, &whole);
                continue;
            }
            // A batch built from its own rows alone is as large.
            let body = Request::from_columns(&batch).encode();
            let compact = request::protobuf(batch.signal(), &body).unwrap().columns;
            let (found, expected) = (batch.common(), compact.common());
            prop_assert_eq!(found.strings.utf8.len(), expected.strings.utf8.len());
            prop_assert_eq!(found.strings.ends.len(), expected.strings.ends.len());
            prop_assert_eq!(found.nested.key.len(), expected.nested.key.len());
            prop_assert_eq!(found.bytes.len(), expected.bytes.len());
            prop_assert_eq!(found.scopes.name.len(), expected.scopes.name.len());
            prop_assert_eq!(found.resources.schema_url.len(), expected.resources.schema_url.len());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn pieces_by_time_hold_every_row_once_and_in_order(request in generate::request(), interval in 1..1_u64 << 62) {
        let whole = request::protobuf(request.signal(), &request.encode()).unwrap().columns;
        let pieces = split_by_time(whole.clone(), interval, 7);
        prop_assert!(pieces.is_sorted_by_key(|piece| piece.time));
        prop_assert!(pieces.windows(2).all(|two| two[0].time / interval < two[1].time / interval));
        for piece in &pieces {
            prop_assert_eq!(validate(&piece.columns), Ok(()));
            prop_assert!(piece.columns.rows() > 0);
            // What is in a piece is of its interval: dividing it again changes nothing.
            let again = split_by_time(piece.columns.clone(), interval, piece.time);
            prop_assert_eq!(again.len(), 1);
        }
        if pieces.len() < 2 {
            prop_assert!(pieces.iter().all(|piece| piece.columns == whole));
        } else {
            let mut parts: Vec<String> = pieces.iter().flat_map(|piece| rows(&piece.columns)).collect();
            // Metrics without points belong to no time.
            let mut expected: Vec<String> = match &whole {
                Columns::Metrics(columns) => {
                    let all = rows(&Columns::Metrics(columns.clone()));
                    all.into_iter().filter(|row| row.contains("DataPoint {")).collect()
                }
                other => rows(other),
            };
            parts.sort_unstable();
            expected.sort_unstable();
            prop_assert_eq!(parts, expected);
        }
    }

    #[test]
    fn times_move_there_and_back(request in generate::request(), by in -1_000_000..1_000_000_i64) {
        let whole = request::protobuf(request.signal(), &request.encode()).unwrap().columns;
        let mut moved = whole.clone();
        shift_times(&mut moved, by);
        prop_assert_eq!(validate(&moved), Ok(()));
        prop_assert_eq!(moved.rows(), whole.rows());
        // At the ends of the range of times nothing comes back.
        let far = |time: u64| time == 0 || (10_000_000..u64::MAX - 10_000_000).contains(&time);
        let is_far = match &whole {
            Columns::Spans(columns) => {
                let spans = &columns.spans;
                spans.start_time.iter().chain(&spans.end_time).chain(&columns.events.time).all(|time| far(*time))
            }
            Columns::Logs(columns) => columns.logs.time.iter().chain(&columns.logs.observed_time).all(|time| far(*time)),
            Columns::Metrics(columns) => {
                let points = &columns.points;
                points.start_time.iter().chain(&points.time).chain(&columns.exemplars.time).all(|time| far(*time))
            }
        };
        if is_far {
            shift_times(&mut moved, -by);
            prop_assert_eq!(moved, whole);
        }
    }
}

/// Each row with the resource, scope and metric it belongs to, as text. Metrics without points count as rows.
fn rows(columns: &Columns) -> Vec<String> {
    match Request::from_columns(columns) {
        Request::Traces(request) => {
            let scopes = request.resource_spans.iter().flat_map(|resource| {
                resource
                    .scope_spans
                    .iter()
                    .map(move |scope| (&resource.resource, &resource.schema_url, scope))
            });
            let rows = scopes.flat_map(|(resource, url, scope)| {
                scope.spans.iter().map(move |span| {
                    format!(
                        "{resource:?} {url} {:?} {} {span:?}",
                        scope.scope, scope.schema_url
                    )
                })
            });
            rows.collect()
        }
        Request::Logs(request) => {
            let scopes = request.resource_logs.iter().flat_map(|resource| {
                resource
                    .scope_logs
                    .iter()
                    .map(move |scope| (&resource.resource, &resource.schema_url, scope))
            });
            let rows = scopes.flat_map(|(resource, url, scope)| {
                scope.log_records.iter().map(move |log| {
                    format!(
                        "{resource:?} {url} {:?} {} {log:?}",
                        scope.scope, scope.schema_url
                    )
                })
            });
            rows.collect()
        }
        Request::Metrics(request) => {
            let scopes = request.resource_metrics.iter().flat_map(|resource| {
                resource
                    .scope_metrics
                    .iter()
                    .map(move |scope| (&resource.resource, &resource.schema_url, scope))
            });
            let rows = scopes.flat_map(|(resource, url, scope)| {
                scope.metrics.iter().flat_map(points).map(move |point| {
                    format!(
                        "{resource:?} {url} {:?} {} {point}",
                        scope.scope, scope.schema_url
                    )
                })
            });
            rows.collect()
        }
    }
}

/// Each point of a metric with the metric, as if it had no other one.
fn points(metric: &Metric) -> Vec<String> {
    fn take<P: std::fmt::Debug>(points: &mut Vec<P>) -> Vec<String> {
        points.drain(..).map(|point| format!("{point:?}")).collect()
    }
    let mut metric = metric.clone();
    let points = match &mut metric.data {
        None => Vec::new(),
        Some(Data::Gauge(gauge)) => take(&mut gauge.data_points),
        Some(Data::Sum(sum)) => take(&mut sum.data_points),
        Some(Data::Histogram(histogram)) => take(&mut histogram.data_points),
        Some(Data::ExponentialHistogram(histogram)) => take(&mut histogram.data_points),
        Some(Data::Summary(summary)) => take(&mut summary.data_points),
    };
    if points.is_empty() {
        return vec![format!("{metric:?}")];
    }
    points.iter().map(|point| format!("{metric:?} {point}")).collect()
}

//! Batches cut from columns are those columns, in parts.

use aia_telemetry::{Columns, cut, validate};
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

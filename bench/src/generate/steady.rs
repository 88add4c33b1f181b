//! A system that runs for hours: the same services send spans, log records and points, once a minute each.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Histogram, HistogramDataPoint, NumberDataPoint, ResourceMetrics, ScopeMetrics,
    Sum, metric::Data, number_data_point::Value,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;

use aia_telemetry::SignalType;

use super::logs::{LogShape, logs_of};
use super::metrics::{BOUNDS, metric, series_attributes};
use super::spans::{SpanShape, spans_of};
use super::{Random, SERVICES, START_NS, resource_of, scope};

/// Between two services, in nanoseconds: with six of them each sends once a minute.
const TURN_NS: u64 = 10_000_000_000;

/// How long an instance lives, in nanoseconds: then another one takes its place.
const LIFE_NS: u64 = 3 * 3_600 * 1_000_000_000;

/// Rows of the requests with spans and with log records.
const ROWS: usize = 512;

/// Series of an instance: half of them histograms, half of them sums.
const SERIES: usize = 128;

/// A request as it comes in.
#[derive(Clone, Debug)]
pub struct Request {
    /// What it carries.
    pub signal: SignalType,
    /// When it comes, in nanoseconds since the Unix epoch.
    pub received_at: u64,
    /// Protobuf.
    pub body: Vec<u8>,
}

/// What goes wrong from some time on, in the service that takes payments: requests fail and take long, log records tell
/// of it, and what is counted comes ten times as often.
#[derive(Clone, Copy, Debug)]
pub struct Trouble {
    /// From when on, in nanoseconds after [`START_NS`].
    pub after: u64,
}

/// The requests of such a system, one after the other, without an end. The same for the same seed.
#[derive(Clone, Debug)]
pub struct Steady {
    random: Random,
    number: u64,
    errors_per_thousand: u64,
    trouble: Option<Trouble>,
}

impl Steady {
    /// `errors_per_thousand` spans fail all the time.
    #[must_use]
    pub fn new(seed: u64, errors_per_thousand: u64) -> Self {
        Self {
            random: Random::new(seed),
            number: 0,
            errors_per_thousand,
            trouble: None,
        }
    }

    /// With trouble.
    #[must_use]
    pub fn with_trouble(self, trouble: Trouble) -> Self {
        Self {
            trouble: Some(trouble),
            ..self
        }
    }

    fn request(&mut self) -> Request {
        let turn = self.number / 3;
        let now = START_NS / TURN_NS * TURN_NS + turn * TURN_NS;
        let service = usize::try_from(turn % 6)
            .ok()
            .and_then(|index| SERVICES.get(index).copied())
            .unwrap_or("gateway");
        // Instances of a service follow each other, not all services at once.
        let age = (now - START_NS / TURN_NS * TURN_NS) + turn % 6 * (LIFE_NS / 6);
        let is_troubled =
            service == "payment" && self.trouble.is_some_and(|trouble| age_of(now) >= trouble.after);
        let resource = resource_of(service, &mut Random::new(((turn % 6) << 32) | (age / LIFE_NS)));
        let random = &mut self.random;
        let (signal, body) = match self.number % 3 {
            0 => {
                let shape = SpanShape {
                    spans: ROWS,
                    errors_per_thousand: if is_troubled {
                        600
                    } else {
                        self.errors_per_thousand
                    },
                    slowness: if is_troubled { 20 } else { 1 },
                    ..SpanShape::default()
                };
                let start = now - 2 * TURN_NS;
                let request = spans_of(resource, random, &shape, start);
                (SignalType::Traces, request.encode_to_vec())
            }
            1 => {
                let shape = LogShape {
                    records: ROWS,
                    errors_per_thousand: if is_troubled { 600 } else { 0 },
                    ..LogShape::default()
                };
                let request = logs_of(resource, random, &shape, now - TURN_NS);
                (SignalType::Logs, request.encode_to_vec())
            }
            _ => {
                let factor = if is_troubled { 10 } else { 1 };
                let request = points(resource, random, age % LIFE_NS, now, factor);
                (SignalType::Metrics, request.encode_to_vec())
            }
        };
        self.number += 1;
        Request {
            signal,
            received_at: now,
            body,
        }
    }
}

impl Iterator for Steady {
    type Item = Request;

    fn next(&mut self) -> Option<Request> {
        Some(self.request())
    }
}

/// Nanoseconds since the system began.
fn age_of(now: u64) -> u64 {
    now.saturating_sub(START_NS / TURN_NS * TURN_NS)
}

/// Cumulative sums and histograms of an instance that has run for `age` nanoseconds. Each has a rate of its own, which
/// wavers by some per cent.
fn points(
    resource: Resource,
    random: &mut Random,
    age: u64,
    now: u64,
    factor: u64,
) -> ExportMetricsServiceRequest {
    let seconds = age / 1_000_000_000;
    let start = now - age;
    let mut counted = |rate: u64| (rate * seconds + random.below(rate * 6 + 1)) * factor;
    let histograms = (0..SERIES / 2).map(|series| {
        let rate = series as u64 % 17 + 1;
        let bucket_counts: Vec<u64> = (0..=BOUNDS.len() as u64)
            .map(|bucket| counted(rate * (15 - bucket.abs_diff(5))))
            .collect();
        HistogramDataPoint {
            attributes: series_attributes(series),
            start_time_unix_nano: start,
            time_unix_nano: now,
            count: bucket_counts.iter().sum(),
            bucket_counts,
            explicit_bounds: BOUNDS.to_vec(),
            ..Default::default()
        }
    });
    let histogram = Histogram {
        data_points: histograms.collect(),
        aggregation_temporality: AggregationTemporality::Cumulative.into(),
    };
    let sums = (0..SERIES / 2).map(|series| NumberDataPoint {
        attributes: series_attributes(series),
        start_time_unix_nano: start,
        time_unix_nano: now,
        value: Some(Value::AsInt(
            counted(series as u64 % 23 * 1_000 + 500).cast_signed(),
        )),
        ..Default::default()
    });
    let sum = Sum {
        data_points: sums.collect(),
        aggregation_temporality: AggregationTemporality::Cumulative.into(),
        is_monotonic: true,
    };
    let metrics = vec![
        metric("http.server.request.duration", "s", Data::Histogram(histogram)),
        metric("http.server.response.body.size", "By", Data::Sum(sum)),
    ];
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(resource),
            scope_metrics: vec![ScopeMetrics {
                scope: scope(),
                metrics,
                ..Default::default()
            }],
            ..Default::default()
        }],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_services_send_all_signals_and_time_goes_on() {
        let requests: Vec<Request> = Steady::new(1, 20).take(18 * 10).collect();
        assert!(requests.is_sorted_by_key(|request| request.received_at));
        for signal in [SignalType::Traces, SignalType::Logs, SignalType::Metrics] {
            assert_eq!(
                requests.iter().filter(|request| request.signal == signal).count(),
                60
            );
        }
        let again: Vec<Request> = Steady::new(1, 20).take(18 * 10).collect();
        assert!(
            requests
                .iter()
                .zip(&again)
                .all(|(one, other)| one.body == other.body)
        );
    }
}

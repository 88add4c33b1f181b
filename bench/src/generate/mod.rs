//! Generated telemetry: OTLP requests as applications send them, the same bytes for the same seed.

mod lines;
mod logs;
mod metrics;
mod random;
mod spans;
mod steady;

use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource;

pub use lines::lines;
pub use logs::{LogShape, logs};
pub use metrics::{MetricShape, metrics};
pub use random::Random;
pub use spans::{SpanShape, spans};
pub use steady::{Request, Steady, Trouble};

/// Time of the first row, in nanoseconds since the Unix epoch.
pub const START_NS: u64 = 1_790_000_000_000_000_000;

/// Services that send, in turn.
const SERVICES: [&str; 6] = ["gateway", "checkout", "payment", "inventory", "search", "profile"];

fn text(key: &str, value: impl Into<String>) -> KeyValue {
    attribute(key, Value::StringValue(value.into()))
}

fn integer(key: &str, value: u64) -> KeyValue {
    attribute(key, Value::IntValue(value.cast_signed()))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

/// A resource as an SDK in a cluster makes it, of any service.
fn resource(random: &mut Random) -> Resource {
    let service = *random.pick(&SERVICES);
    resource_of(service, random)
}

/// A resource of that service; instance and pod are chance.
fn resource_of(service: &str, random: &mut Random) -> Resource {
    Resource {
        attributes: vec![
            text("service.name", service),
            text("service.version", "1.4.2"),
            text(
                "service.instance.id",
                format!("{service}-{:08x}", random.below(1 << 32)),
            ),
            text("deployment.environment.name", "production"),
            text("telemetry.sdk.language", "rust"),
            text("telemetry.sdk.name", "opentelemetry"),
            text("telemetry.sdk.version", "0.33.1"),
            text(
                "k8s.pod.name",
                format!("{service}-7d4b9c-{:05x}", random.below(1 << 20)),
            ),
        ],
        ..Resource::default()
    }
}

fn scope() -> Option<InstrumentationScope> {
    Some(InstrumentationScope {
        name: "http".to_owned(),
        version: "0.9.1".to_owned(),
        ..Default::default()
    })
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_bytes() {
        let bytes = |seed| spans(&mut Random::new(seed), &SpanShape::default()).encode_to_vec();
        assert_eq!(bytes(1), bytes(1));
        assert_ne!(bytes(1), bytes(2));
    }

    #[test]
    fn shapes_are_kept() {
        let request = spans(
            &mut Random::new(7),
            &SpanShape {
                spans: 40,
                attributes: 10,
                errors_per_thousand: 500,
                ..SpanShape::default()
            },
        );
        let spans = &request.resource_spans[0].scope_spans[0].spans;
        assert_eq!(spans.len(), 40);
        let failed = spans.iter().filter(|span| !span.events.is_empty()).count();
        assert!((8..32).contains(&failed), "{failed} of 40 failed");
        assert!(spans.iter().all(|span| span.attributes.len() == 10));

        let request = logs(
            &mut Random::new(7),
            &LogShape {
                records: 30,
                attributes: 6,
                ..LogShape::default()
            },
        );
        assert_eq!(request.resource_logs[0].scope_logs[0].log_records.len(), 30);

        let request = metrics(&mut Random::new(7), &MetricShape { series: 25 });
        assert_eq!(request.resource_metrics[0].scope_metrics[0].metrics.len(), 2);
    }
}

//! Log records of services.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};

use super::{Random, START_NS, integer, resource, scope, text};

/// What a request with log records is like.
#[derive(Clone, Copy, Debug)]
pub struct LogShape {
    /// Records in the request.
    pub records: usize,
    /// Attributes of each.
    pub attributes: usize,
}

impl Default for LogShape {
    /// What an SDK sends: 512 records of 6 attributes.
    fn default() -> Self {
        Self {
            records: 512,
            attributes: 6,
        }
    }
}

const EVENTS: [&str; 6] = [
    "order placed",
    "card charged",
    "cache refreshed",
    "session opened",
    "stock is low",
    "mail queued",
];

/// A request of one resource.
pub fn logs(random: &mut Random, shape: &LogShape) -> ExportLogsServiceRequest {
    let log_records = (0_u64..)
        .take(shape.records)
        .map(|number| record(random, shape, START_NS + number * 80_000))
        .collect();
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            resource: Some(resource(random)),
            scope_logs: vec![ScopeLogs {
                scope: scope(),
                log_records,
                ..Default::default()
            }],
            ..Default::default()
        }],
    }
}

fn record(random: &mut Random, shape: &LogShape, time: u64) -> LogRecord {
    let event = *random.pick(&EVENTS);
    let mut attributes = vec![
        text("code.function.name", format!("shop::{}", event.replace(' ', "_"))),
        text("thread.name", format!("worker-{}", random.below(16))),
        text("order.id", format!("ord_{:012x}", random.below(1 << 48))),
        integer("amount_cents", random.below(20_000)),
    ];
    let more = attributes.len()..shape.attributes;
    attributes.extend(more.map(|number| {
        text(
            &format!("app.field_{number}"),
            format!("{:08x}", random.below(1 << 32)),
        )
    }));
    attributes.truncate(shape.attributes);
    let body = format!(
        "{event} for customer {} in {} ms",
        random.below(100_000),
        random.below(900)
    );
    LogRecord {
        time_unix_nano: time,
        observed_time_unix_nano: time + 1_000,
        severity_number: 9,
        severity_text: "INFO".to_owned(),
        body: Some(AnyValue {
            value: Some(Value::StringValue(body)),
        }),
        attributes,
        flags: 1,
        trace_id: random.bytes::<16>(),
        span_id: random.bytes::<8>(),
        ..Default::default()
    }
}

//! Log records of services.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};

use opentelemetry_proto::tonic::resource::v1::Resource;

use super::{Random, START_NS, integer, resource, scope, text};

/// What a request with log records is like.
#[derive(Clone, Copy, Debug)]
pub struct LogShape {
    /// Records in the request.
    pub records: usize,
    /// Attributes of each.
    pub attributes: usize,
    /// Records in a thousand that tell of an error.
    pub errors_per_thousand: u64,
}

impl Default for LogShape {
    /// What an SDK sends: 512 records of 6 attributes.
    fn default() -> Self {
        Self {
            records: 512,
            attributes: 6,
            errors_per_thousand: 0,
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
    let resource = resource(random);
    logs_of(resource, random, shape, START_NS)
}

/// A request of that resource, whose first record is of then.
pub(super) fn logs_of(
    resource: Resource,
    random: &mut Random,
    shape: &LogShape,
    start: u64,
) -> ExportLogsServiceRequest {
    let log_records = (0_u64..)
        .take(shape.records)
        .map(|number| record(random, shape, start + number * 80_000))
        .collect();
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            resource: Some(resource),
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
    let customer = random.below(100_000);
    let milliseconds = random.below(900);
    // Draws nothing where there are no errors.
    let has_failed = shape.errors_per_thousand > 0 && random.below(1_000) < shape.errors_per_thousand;
    let (severity_number, severity_text, body) = if has_failed {
        let body = format!("ledger of customer {customer} is closed: currencies differ");
        (17, "ERROR", body)
    } else {
        let body = format!("{event} for customer {customer} in {milliseconds} ms");
        (9, "INFO", body)
    };
    LogRecord {
        time_unix_nano: time,
        observed_time_unix_nano: time + 1_000,
        severity_number,
        severity_text: severity_text.to_owned(),
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

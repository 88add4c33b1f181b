//! Log lines as several programs write them: many statements, a few of which write most lines, each with variables of
//! another kind.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};

use super::{Random, START_NS, resource_of, scope, text};

/// Statements of the service.
const STATEMENTS: u64 = 180;

/// Words that statements are made of.
const WORDS: [&str; 6] = ["request", "connection", "block", "session", "replica", "cache"];
const DEEDS: [&str; 6] = [
    "received from",
    "closed by",
    "served to",
    "expired for",
    "moved behind",
    "is waiting for",
];
const PARTS: [&str; 6] = ["scheduler", "store", "gateway", "index", "writer", "balancer"];
const SUFFIXES: [&str; 6] = ["", "", ".core", "Service", "-io", "[main]"];
const ENDINGS: [&str; 6] = [
    "after",
    "with status",
    "on attempt",
    "at offset",
    "of size",
    "in queue",
];

/// A request with so many log records of one service. Every line is another one; the statements they come from are the
/// same for every request.
#[must_use]
pub fn lines(random: &mut Random, records: u64) -> ExportLogsServiceRequest {
    let log_records = (0..records).map(|number| record(random, START_NS + number * 80_000));
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            resource: Some(resource_of("search", &mut Random::new(3))),
            scope_logs: vec![ScopeLogs {
                scope: scope(),
                log_records: log_records.collect(),
                ..Default::default()
            }],
            ..Default::default()
        }],
    }
}

fn record(random: &mut Random, time: u64) -> LogRecord {
    // Of four draws the smallest: the first fifth of the statements writes six of ten lines.
    let statement = (0..4).map(|_| random.below(STATEMENTS)).min().unwrap_or(0);
    LogRecord {
        time_unix_nano: time,
        observed_time_unix_nano: time + 1_000,
        severity_number: 9,
        severity_text: "INFO".to_owned(),
        body: Some(AnyValue {
            value: Some(Value::StringValue(line(random, statement))),
        }),
        attributes: vec![text("thread.name", format!("worker-{}", random.below(16)))],
        ..Default::default()
    }
}

/// A line of a statement. Its words depend on the statement alone.
fn line(random: &mut Random, statement: u64) -> String {
    let mut words = Random::new(statement);
    let part = words.pick(&PARTS);
    let mut line = format!("{part}{}: ", words.pick(&SUFFIXES));
    for _ in 0..=words.below(2) {
        line += &format!(
            "{} {} {} {}, ",
            words.pick(&WORDS),
            variable(random, words.below(6)),
            words.pick(&DEEDS),
            words.pick(&PARTS)
        );
    }
    line += &format!(
        "{} {}s of {} {} {}",
        words.pick(&DEEDS),
        words.pick(&WORDS),
        words.pick(&PARTS),
        words.pick(&ENDINGS),
        variable(random, words.below(6))
    );
    line
}

/// What varies.
fn variable(random: &mut Random, kind: u64) -> String {
    match kind {
        0 => random.below(100_000).to_string(),
        1 => format!("blk_{}", random.number()),
        2 => format!(
            "/10.{}.{}.{}:{}",
            random.below(256),
            random.below(256),
            random.below(256),
            random.below(65_536)
        ),
        3 => format!("{:08x}-{:04x}", random.below(1 << 32), random.below(1 << 16)),
        4 => format!(
            "/var/lib/shop/{}/part-{:05}",
            random.below(64),
            random.below(10_000)
        ),
        _ => format!("({} ms, user={})", random.below(900), random.below(10_000)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn lines_differ_and_come_from_many_statements() {
        let request = lines(&mut Random::new(1), 4096);
        let records = &request.resource_logs[0].scope_logs[0].log_records;
        let all: BTreeSet<&str> = records
            .iter()
            .map(|record| match &record.body.as_ref().unwrap().value {
                Some(Value::StringValue(line)) => line.as_str(),
                _ => panic!("a text"),
            })
            .collect();
        assert!(all.len() > 4000, "{}", all.len());
        let length: usize = all.iter().map(|line| line.len()).sum();
        assert!(
            (60..200).contains(&(length / all.len())),
            "{}",
            length / all.len()
        );
    }
}

//! Reports a service whose requests take longer than a limit, once in ten seconds.

use std::collections::BTreeMap;
use std::time::Duration;

use aia_plugin_sdk::{
    Detector, Fingerprint, Manifest, Measure, OpenError, Outcome, RowId, Severity, Signal, SpanKind, Spans,
    TelemetryKind, Time, export_detector, manifest, snapshot,
};
use serde::{Deserialize, Serialize};

/// What an operator may set, in a table `[settings.<plugin>]`.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Config {
    limit_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { limit_ms: 1000 }
    }
}

struct Slow {
    limit: Duration,
    seen: BTreeMap<String, Requests>,
}

/// The slow requests of a service since the last tick.
#[derive(Default, Deserialize, Serialize)]
struct Requests {
    count: u64,
    slowest: Duration,
    first: u64,
    rows: Vec<RowId>,
}

impl Detector for Slow {
    type Config = Config;

    fn manifest() -> Manifest {
        manifest!("Finds services that answer slowly")
            .reads([TelemetryKind::Spans])
            .config_schema(r#"{"properties":{"limit-ms":{"type":"integer","default":1000}}}"#)
            .signal("slow.requests", "Requests took longer than the limit")
    }

    fn open(config: Config, snapshot: Option<&[u8]>) -> Result<Self, OpenError> {
        let seen = snapshot.map(|bytes| snapshot::decode(1, bytes)).transpose()?;
        Ok(Self {
            limit: Duration::from_millis(config.limit_ms),
            seen: seen.unwrap_or_default(),
        })
    }

    fn observe_spans(&mut self, batch: Spans<'_>, _: &mut Outcome) -> Result<(), String> {
        for span in batch.spans().filter(|span| span.kind() == SpanKind::Server) {
            if span.duration() <= self.limit {
                continue;
            }
            let service = span.resource().service_name();
            // State is bounded: a detector sees whatever anybody sends.
            if self.seen.len() >= 1000 && !self.seen.contains_key(service) {
                continue;
            }
            let requests = self.seen.entry(service.to_owned()).or_default();
            if requests.count == 0 {
                requests.first = span.start_time().as_nanos();
            }
            requests.count += 1;
            requests.slowest = requests.slowest.max(span.duration());
            if requests.rows.len() < 16 {
                requests.rows.push(span.row());
            }
        }
        Ok(())
    }

    fn tick(&mut self, now: Time, out: &mut Outcome) -> Result<(), String> {
        for (service, requests) in std::mem::take(&mut self.seen) {
            out.emit(Signal {
                kind: "slow.requests".into(),
                severity: Severity::Low,
                fingerprint: Fingerprint {
                    version: 1,
                    parts: vec![service.clone()],
                },
                title: format!("{service} answers slowly"),
                service,
                operation: String::new(),
                release: String::new(),
                affected: Vec::new(),
                start_time: requests.first,
                end_time: now.as_nanos(),
                count: requests.count,
                measures: vec![Measure {
                    name: "slow.duration.max".into(),
                    unit: "ms".into(),
                    value: requests.slowest.as_secs_f64() * 1000.0,
                    baseline: None,
                }],
                details: Vec::new(),
                evidence: requests.rows,
            });
        }
        Ok(())
    }

    fn snapshot(&self) -> Vec<u8> {
        snapshot::encode(1, &self.seen)
    }
}

export_detector!(Slow);

#[cfg(test)]
mod tests {
    use aia_plugin_sdk::testing::{Harness, SpanBatchBuilder, TestSpan};

    use super::*;

    /// The harness feeds it as a host does, and restores it from a snapshot before every call.
    #[test]
    fn a_slow_service_is_reported_once() {
        let now = Time::from_secs(1_700_000_000);
        let request = |seconds| {
            TestSpan::new("GET /")
                .kind(SpanKind::Server)
                .at(now, Duration::from_secs(seconds))
        };
        let batch = SpanBatchBuilder::new(now)
            .resource(&[("service.name", "shop")])
            .span(request(3))
            .span(request(0))
            .build();
        let mut harness = Harness::<Slow>::with_config(r#"{"limit-ms": 500}"#);
        harness
            .spans(batch)
            .silence_until(now.after(Duration::from_secs(30)));

        assert_eq!(harness.signals().len(), 1);
        assert_eq!(harness.signals()[0].title, "shop answers slowly");
        assert_eq!(harness.signals()[0].count, 1);
    }
}

//! What pulling counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::quarantine::Reason;
use crate::clock;

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct ByReason {
    reason: &'static str,
}

/// Counters of pulling.
#[derive(Clone, Default)]
pub(super) struct PullMetrics {
    pub(super) segments: Counter,
    pub(super) bytes: Counter,
    pub(super) errors: Counter,
    quarantined: Family<ByReason, Counter>,
    times: Arc<Times>,
}

/// Nanoseconds since the Unix epoch; 0 for never.
#[derive(Debug, Default)]
struct Times {
    newest_received: AtomicU64,
    last_success: AtomicU64,
}

impl PullMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        // Shown from the beginning, so that the first one is an increase.
        for reason in Reason::ALL {
            let label = ByReason {
                reason: reason.as_str(),
            };
            drop(metrics.quarantined.get_or_create(&label));
        }
        let registry = registry.sub_registry_with_prefix("aia");
        registry.register(
            "pull_segments",
            "Segments pulled from the bucket that became durable here",
            metrics.segments.clone(),
        );
        registry.register("pull_bytes", "Their bytes", metrics.bytes.clone());
        registry.register(
            "pull_errors",
            "Looks at the bucket that failed",
            metrics.errors.clone(),
        );
        registry.register(
            "pull_quarantined",
            "Objects of the bucket that are no genuine segments, by reason",
            metrics.quarantined.clone(),
        );
        registry.register_collector(Box::new(Ages(Arc::clone(&metrics.times))));
        metrics
    }

    pub(super) fn quarantined(&self, reason: Reason) {
        let label = ByReason {
            reason: reason.as_str(),
        };
        self.quarantined.get_or_create(&label).inc();
    }

    #[cfg(test)]
    pub(super) fn by_reason(&self) -> impl prometheus_client::registry::Metric {
        self.quarantined.clone()
    }

    pub(super) fn received(&self, received_at: u64) {
        self.times
            .newest_received
            .fetch_max(received_at, Ordering::Relaxed);
    }

    pub(super) fn succeeded(&self) {
        self.times.last_success.store(clock::now(), Ordering::Relaxed);
    }
}

/// Shows times as they are when somebody asks: a puller that hangs doesn't stand still.
#[derive(Debug)]
struct Ages(Arc<Times>);

impl Collector for Ages {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        #[expect(
            clippy::cast_precision_loss,
            reason = "gauges are doubles, and microseconds survive that"
        )]
        let seconds = |nanoseconds: u64| nanoseconds as f64 / 1e9;
        let newest = self.0.newest_received.load(Ordering::Relaxed);
        let success = self.0.last_success.load(Ordering::Relaxed);
        let lag = (newest > 0).then(|| seconds(clock::now().saturating_sub(newest)));
        let success = (success > 0).then(|| seconds(success));
        for (name, help, value) in [
            (
                "aia_pull_lag_seconds",
                "Time since the newest pulled segment was received at the edge",
                lag,
            ),
            (
                "aia_pull_last_success_timestamp_seconds",
                "When everything in the bucket was last seen, by the machine's clock",
                success,
            ),
        ] {
            let Some(value) = value else { continue };
            let gauge = ConstGauge::new(value);
            let encoder = encoder.encode_descriptor(name, help, None, gauge.metric_type())?;
            gauge.encode(encoder)?;
        }
        Ok(())
    }
}

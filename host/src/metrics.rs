//! The core's metrics, as `/metrics` shows them. The names are part of the product: they change with a note in the
//! changelog.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use aia_telemetry::SignalType;
use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::runtime::{FailureReason, Plugin, PluginStats};

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct BySignal {
    signal: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct ByReason {
    reason: String,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct ByResult {
    result: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct ByRule {
    rule: String,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct ByOutcome {
    outcome: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct ByPlugin {
    plugin: String,
}

/// The core's counters.
#[derive(Default)]
pub struct Metrics {
    rows: Family<BySignal, Counter>,
    refused_rows: Family<ByReason, Counter>,
    redactions: Family<ByRule, Counter>,
    duplicates: Counter,
    journal_bytes: Counter,
    sync_segments: Counter,
    sync_seconds: SyncSeconds,
    journal_damaged: Counter,
    journal_quarantined: Counter,
    storage_bytes: Gauge,
    storage_fullest: Gauge<f64, AtomicU64>,
    disk_free: Gauge,
    blocks_expired: Family<ByReason, Counter>,
    segments_lost: Counter,
    compaction_failures: Counter,
    lag: Gauge<f64, AtomicU64>,
    commits: Family<ByPlugin, Counter>,
    committed_segments: Family<ByPlugin, Counter>,
    signals: Family<ByPlugin, Counter>,
    signals_refused: Family<ByPlugin, Counter>,
    skipped: Family<ByPlugin, Counter>,
    sessions: Gauge,
    incidents_opened: Counter,
    investigations: Family<ByOutcome, Counter>,
    investigation_seconds: InvestigationSeconds,
    claims_dropped: Counter,
    plugin_loads: Family<ByResult, Counter>,
    incidents_regressed: Counter,
    plugins: Arc<Mutex<Vec<Arc<Plugin>>>>,
}

struct SyncSeconds(Histogram);

impl Default for SyncSeconds {
    fn default() -> Self {
        // From a fast NVMe disk to one that is about to fail.
        Self(Histogram::new([
            0.000_1, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
        ]))
    }
}

struct InvestigationSeconds(Histogram);

impl Default for InvestigationSeconds {
    fn default() -> Self {
        // From a look at a handful of spans to one that is about to be ended.
        Self(Histogram::new([
            0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0,
        ]))
    }
}

impl Metrics {
    /// Registers everything.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("aia");
        registry.register(
            "ingest_rows",
            "Rows of telemetry that became durable",
            self.rows.clone(),
        );
        registry.register(
            "ingest_refused_rows",
            "Rows refused one by one, by reason",
            self.refused_rows.clone(),
        );
        registry.register(
            "ingest_redactions",
            "Secrets replaced before storing",
            self.redactions.clone(),
        );
        registry.register(
            "ingest_duplicates",
            "Requests recognised as retries of a stored one",
            self.duplicates.clone(),
        );
        registry.register(
            "journal_bytes",
            "Bytes of segments made durable",
            self.journal_bytes.clone(),
        );
        registry.register(
            "journal_synced_segments",
            "Segments made durable",
            self.sync_segments.clone(),
        );
        registry.register(
            "journal_sync_seconds",
            "Time of a write and sync",
            self.sync_seconds.0.clone(),
        );
        registry.register(
            "journal_damaged",
            "Places where a journal file was found damaged",
            self.journal_damaged.clone(),
        );
        registry.register(
            "journal_quarantined",
            "Damaged journal files put aside",
            self.journal_quarantined.clone(),
        );
        registry.register(
            "storage_bytes",
            "Bytes of telemetry kept, in journal and blocks",
            self.storage_bytes.clone(),
        );
        registry.register(
            "storage_fullest_project_ratio",
            "How much of its quota the fullest project takes; at 1 its requests are refused",
            self.storage_fullest.clone(),
        );
        registry.register(
            "disk_free_bytes",
            "Bytes free on the disk of the journal",
            self.disk_free.clone(),
        );
        registry.register(
            "blocks_expired",
            "Blocks of telemetry deleted, by age or because there were too many bytes",
            self.blocks_expired.clone(),
        );
        registry.register(
            "segments_lost",
            "Segments that can't be read or don't verify",
            self.segments_lost.clone(),
        );
        registry.register(
            "compaction_failures",
            "Failed attempts to compact",
            self.compaction_failures.clone(),
        );
        registry.register(
            "detection_lag_seconds",
            "Age of the oldest segment that a detector has yet to commit",
            self.lag.clone(),
        );
        registry.register(
            "session_commits",
            "Commits of detectors' sessions",
            self.commits.clone(),
        );
        registry.register(
            "session_committed_segments",
            "Segments that detectors' sessions have committed; every one of them commits what was made durable",
            self.committed_segments.clone(),
        );
        registry.register("sessions_open", "Sessions in memory", self.sessions.clone());
        registry.register("signals", "Signals found", self.signals.clone());
        registry.register(
            "signals_refused",
            "Signals without evidence that exists",
            self.signals_refused.clone(),
        );
        registry.register(
            "segments_skipped",
            "Segments on which a plugin failed for good",
            self.skipped.clone(),
        );
        registry.register(
            "incidents_opened",
            "Incidents opened",
            self.incidents_opened.clone(),
        );
        registry.register(
            "investigations",
            "Investigations of incidents, by how they ended",
            self.investigations.clone(),
        );
        registry.register(
            "investigation_seconds",
            "Time of an investigation",
            self.investigation_seconds.0.clone(),
        );
        registry.register(
            "claims_dropped",
            "Claims, suspects and diffs of analysts that did not stand the check",
            self.claims_dropped.clone(),
        );
        registry.register(
            "plugin_loads",
            "Files of plugins that were taken up while the host ran",
            self.plugin_loads.clone(),
        );
        registry.register(
            "incidents_regressed",
            "Resolved incidents that came back",
            self.incidents_regressed.clone(),
        );
        registry.register_collector(Box::new(PluginCollector(Arc::clone(&self.plugins))));
    }

    pub(crate) fn plugins_loaded(&self, loaded: u64, failed: u64) {
        for (result, count) in [("ok", loaded), ("failed", failed)] {
            if count > 0 {
                self.plugin_loads
                    .get_or_create(&ByResult { result })
                    .inc_by(count);
            }
        }
    }

    /// Has these plugins' counters shown, instead of those before.
    pub fn show_plugins(&self, plugins: Vec<Arc<Plugin>>) {
        *self.plugins.lock() = plugins;
    }

    pub(crate) fn ingested(&self, signal: SignalType, rows: u64, bytes: u64) {
        self.rows
            .get_or_create(&BySignal {
                signal: signal.as_str(),
            })
            .inc_by(rows);
        self.journal_bytes.inc_by(bytes);
    }

    pub(crate) fn rows_refused(&self, reason: &str, rows: u64) {
        if rows > 0 {
            self.refused_rows
                .get_or_create(&ByReason {
                    reason: reason.to_owned(),
                })
                .inc_by(rows);
        }
    }

    pub(crate) fn redacted(&self, rule: &str, times: u64) {
        if times > 0 {
            self.redactions
                .get_or_create(&ByRule {
                    rule: rule.to_owned(),
                })
                .inc_by(times);
        }
    }

    pub(crate) fn duplicate(&self) {
        self.duplicates.inc();
    }

    pub(crate) fn journal_synced(&self, took: Duration, segments: usize) {
        self.sync_segments.inc_by(segments as u64);
        self.sync_seconds.0.observe(took.as_secs_f64());
    }

    pub(crate) fn journal_damaged(&self) {
        self.journal_damaged.inc();
    }

    pub(crate) fn journal_quarantined(&self) {
        self.journal_quarantined.inc();
    }

    /// How much telemetry is kept, how full the fullest project is, and how many bytes the disk has left.
    pub(crate) fn storage(&self, bytes: u64, fullest: f64, free: u64) {
        self.storage_bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
        self.storage_fullest.set(fullest);
        self.disk_free.set(i64::try_from(free).unwrap_or(i64::MAX));
    }

    pub(crate) fn block_expired(&self, reason: &str) {
        self.blocks_expired
            .get_or_create(&ByReason {
                reason: reason.to_owned(),
            })
            .inc();
    }

    pub(crate) fn segment_lost(&self) {
        self.segments_lost.inc();
    }

    pub(crate) fn compaction_failed(&self) {
        self.compaction_failures.inc();
    }

    pub(crate) fn lag(&self, lag: Duration) {
        self.lag.set(lag.as_secs_f64());
    }

    /// Seconds; see [`Self::lag`].
    pub(crate) fn lag_seconds(&self) -> f64 {
        self.lag.get()
    }

    pub(crate) fn committed(&self, plugin: &str, segments: u64, signals: u64) {
        let label = ByPlugin {
            plugin: plugin.to_owned(),
        };
        self.commits.get_or_create(&label).inc();
        self.committed_segments.get_or_create(&label).inc_by(segments);
        self.signals.get_or_create(&label).inc_by(signals);
    }

    pub(crate) fn signal_refused(&self, plugin: &str) {
        self.signals_refused
            .get_or_create(&ByPlugin {
                plugin: plugin.to_owned(),
            })
            .inc();
    }

    pub(crate) fn segment_skipped(&self, plugin: &str) {
        self.skipped
            .get_or_create(&ByPlugin {
                plugin: plugin.to_owned(),
            })
            .inc();
    }

    pub(crate) fn session_opened(&self) {
        self.sessions.inc();
    }

    pub(crate) fn session_closed(&self) {
        self.sessions.dec();
    }

    /// An investigation ended; one that was skipped took no time and isn't measured.
    pub(crate) fn investigated(&self, outcome: &'static str, took: Duration) {
        self.investigations.get_or_create(&ByOutcome { outcome }).inc();
        if !took.is_zero() {
            self.investigation_seconds.0.observe(took.as_secs_f64());
        }
    }

    pub(crate) fn claims_dropped(&self, claims: u64) {
        self.claims_dropped.inc_by(claims);
    }

    pub(crate) fn incidents(&self, opened: u64, regressed: u64) {
        self.incidents_opened.inc_by(opened);
        self.incidents_regressed.inc_by(regressed);
    }
}

/// Shows what the runtime counts of each plugin.
struct PluginCollector(Arc<Mutex<Vec<Arc<Plugin>>>>);

impl std::fmt::Debug for PluginCollector {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("PluginCollector")
    }
}

/// Gives one counter of every plugin to the encoder.
fn counters(
    encoder: &mut DescriptorEncoder<'_>,
    plugins: &[Arc<Plugin>],
    name: &str,
    help: &str,
    value: impl Fn(&PluginStats) -> f64,
) -> Result<(), std::fmt::Error> {
    let kind = ConstCounter::new(0.0).metric_type();
    let mut family = encoder.encode_descriptor(name, help, None, kind)?;
    for plugin in plugins {
        let labels = [("plugin", plugin.name())];
        ConstCounter::new(value(plugin.stats())).encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}

impl Collector for PluginCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let plugins = self.0.lock();
        #[expect(
            clippy::cast_precision_loss,
            reason = "counters are doubles in Prometheus anyway"
        )]
        let float = |value: u64| value as f64;
        let encoder = &mut encoder;
        counters(
            encoder,
            &plugins,
            "aia_plugin_calls",
            "Calls of a plugin",
            |stats| float(stats.calls()),
        )?;
        counters(
            encoder,
            &plugins,
            "aia_plugin_seconds",
            "Time spent in a plugin",
            |stats| stats.time().as_secs_f64(),
        )?;
        counters(
            encoder,
            &plugins,
            "aia_plugin_restarts",
            "Sessions opened again after a failure",
            |stats| float(stats.restarts()),
        )?;
        let kind = ConstCounter::new(0.0).metric_type();
        let mut family = encoder.encode_descriptor("aia_plugin_failures", "Calls that failed", None, kind)?;
        for plugin in plugins.iter() {
            for reason in FailureReason::ALL {
                let labels = [("plugin", plugin.name()), ("reason", reason.as_str())];
                ConstCounter::new(float(plugin.stats().failures(reason)))
                    .encode(family.encode_family(&labels)?)?;
            }
        }
        let kind = ConstGauge::new(0.0).metric_type();
        let mut family =
            encoder.encode_descriptor("aia_plugin_instances", "Instances in memory", None, kind)?;
        for plugin in plugins.iter() {
            let labels = [("plugin", plugin.name())];
            ConstGauge::new(float(plugin.stats().live_instances())).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

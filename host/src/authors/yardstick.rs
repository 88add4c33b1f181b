//! What a detector costs, beside what `errors` costs for the same telemetry.
//!
//! Both get the same batches in turn, so that whatever else the machine does hits both. Only the calls into the sandbox
//! are timed; scanning, redaction and storing aren't.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aia_telemetry::{
    Columns, Encoding, ScanLimits, Scratch, SignalType, TICK_INTERVAL, cut, scan_json, scan_protobuf,
    shift_times,
};

use super::{AuthorsError, synthetic};
use crate::replay::{Input, Recording};
use crate::runtime::{Batch, Plugin, PluginKind};

/// Batches that aren't counted: caches fill and memories grow.
const WARM_UP: usize = 50;
/// Batches that are counted.
const BATCHES: usize = 500;
/// Generated batches; they come again after so many, later.
const GENERATED: u64 = 64;
/// Most rows of a batch of recorded telemetry, as of a generated one.
const ROWS: u32 = 512;
/// Most batches that are read of recordings.
const RECORDED: usize = 2_000;
/// Between two batches, in nanoseconds: a tick comes before every tenth one.
const INTERVAL: u64 = 1_000_000_000;
/// Sessions opened to see how long that takes.
const OPENINGS: usize = 20;

/// What to measure with.
#[derive(Clone, Debug)]
pub struct BenchOptions {
    /// What the batches hold.
    pub signal: SignalType,
    /// Recorded telemetry to take the batches from; generated ones if there is none.
    pub recordings: Vec<PathBuf>,
    /// What the plugin is told, JSON.
    pub config: String,
    /// Largest request of a recording, in bytes.
    pub request_bytes: usize,
}

/// What was measured.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The plugin's name.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// The median of the batches, in nanoseconds for each row.
    pub row_ns: f64,
    /// The median batch.
    pub batch: Duration,
    /// The longest call, a tick or a batch.
    pub slowest: Duration,
    /// The longest call that it may make.
    pub call_time: Duration,
    /// Linear memory at the end.
    pub memory_bytes: u64,
    /// As much as it may have.
    pub memory_limit_bytes: u64,
    /// The snapshot at the end.
    pub snapshot_bytes: u64,
    /// As much as it may have.
    pub snapshot_limit_bytes: u64,
    /// The median of opening a session.
    pub open: Duration,
    /// Signals given.
    pub signals: u64,
}

/// A measurement.
#[derive(Clone, Debug)]
pub struct Bench {
    /// The plugin.
    pub plugin: Measured,
    /// `errors`.
    pub yardstick: Measured,
    /// Batches that were counted.
    pub batches: usize,
    /// Rows of them all.
    pub rows: u64,
}

/// Measures a detector against `errors`.
///
/// # Errors
/// If it is no detector, fails, or the recordings have nothing of the signal.
pub fn bench(
    plugin: &Arc<Plugin>,
    yardstick: &Arc<Plugin>,
    options: &BenchOptions,
) -> Result<Bench, AuthorsError> {
    if plugin.kind() != PluginKind::Detector {
        return Err(AuthorsError::NoDetector {
            plugin: plugin.name().to_owned(),
        });
    }
    let batches = if options.recordings.is_empty() {
        generated(options.signal)?
    } else {
        recorded(options)?
    };
    let mut runners = [
        Runner::open(plugin, &options.config)?,
        Runner::open(yardstick, "{}")?,
    ];
    let mut rows = 0;
    // Whole seconds, so that a batch that comes again is later by whole seconds, too.
    let cycle = batches.len() as u64 * INTERVAL;
    for number in 0..WARM_UP + BATCHES {
        let Some(columns) = batches.get(number % batches.len().max(1)) else {
            break;
        };
        let again = (number / batches.len().max(1)) as u64;
        let mut columns = columns.clone();
        shift_times(&mut columns, i64::try_from(again * cycle).unwrap_or(i64::MAX));
        let received_at = synthetic::START + (number as u64 + 1) * INTERVAL;
        let is_counted = number >= WARM_UP;
        if is_counted {
            rows += columns.rows() as u64;
        }
        let batch = Batch::new(columns, received_at, number as u64 + 1, 0);
        for runner in &mut runners {
            runner
                .take(&batch, received_at, is_counted)
                .map_err(|source| AuthorsError::Measured {
                    batch: number,
                    source: Box::new(source),
                })?;
        }
    }
    let [plugin, yardstick] = runners;
    Ok(Bench {
        plugin: plugin.finish()?,
        yardstick: yardstick.finish()?,
        batches: BATCHES,
        rows,
    })
}

/// A detector under measurement.
struct Runner {
    plugin: Arc<Plugin>,
    session: crate::runtime::Session,
    open: Duration,
    /// Of each batch: how long it took, and its rows.
    times: Vec<(Duration, u32)>,
    slowest: Duration,
    signals: u64,
}

impl Runner {
    fn open(plugin: &Arc<Plugin>, config: &str) -> Result<Self, AuthorsError> {
        let failed = |source| AuthorsError::Measured {
            batch: 0,
            source: Box::new(source),
        };
        let mut openings = Vec::with_capacity(OPENINGS);
        for _ in 0..OPENINGS {
            let started = Instant::now();
            drop(plugin.open_session(config, None).map_err(failed)?);
            openings.push(started.elapsed());
        }
        Ok(Self {
            plugin: Arc::clone(plugin),
            session: plugin.open_session(config, None).map_err(failed)?,
            open: median(&mut openings),
            times: Vec::with_capacity(BATCHES),
            slowest: Duration::ZERO,
            signals: 0,
        })
    }

    fn take(
        &mut self,
        batch: &Batch,
        received_at: u64,
        is_counted: bool,
    ) -> Result<(), crate::runtime::PluginError> {
        // Rows of earlier batches may be evidence; each has this many at least.
        let earlier = |_: u64| Some(u32::MAX);
        if received_at.is_multiple_of(TICK_INTERVAL) {
            let started = Instant::now();
            self.signals += self.session.tick(received_at, &earlier)?.signals.len() as u64;
            self.slowest = self.slowest.max(started.elapsed());
        }
        let started = Instant::now();
        self.signals += self.session.observe(batch, &earlier)?.signals.len() as u64;
        let took = started.elapsed();
        if is_counted {
            self.slowest = self.slowest.max(took);
            self.times.push((took, batch.rows()));
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Measured, AuthorsError> {
        let snapshot = self.session.snapshot().map_err(|source| AuthorsError::Measured {
            batch: WARM_UP + BATCHES,
            source: Box::new(source),
        })?;
        let mut for_a_row: Vec<f64> = self
            .times
            .iter()
            .map(|(took, rows)| took.as_nanos() as f64 / f64::from((*rows).max(1)))
            .collect();
        for_a_row.sort_by(f64::total_cmp);
        let mut batches: Vec<Duration> = self.times.iter().map(|(took, _)| *took).collect();
        let granted = self.plugin.granted();
        Ok(Measured {
            plugin: self.plugin.name().to_owned(),
            version: self.plugin.manifest().version.clone(),
            row_ns: for_a_row.get(for_a_row.len() / 2).copied().unwrap_or_default(),
            batch: median(&mut batches),
            slowest: self.slowest,
            call_time: granted.call_time,
            memory_bytes: self.session.memory_bytes() as u64,
            memory_limit_bytes: granted.memory_bytes as u64,
            snapshot_bytes: snapshot.len() as u64,
            snapshot_limit_bytes: granted.snapshot_bytes as u64,
            open: self.open,
            signals: self.signals,
        })
    }
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn generated(signal: SignalType) -> Result<Vec<Columns>, AuthorsError> {
    let mut scratch = Scratch::default();
    let columns = (0..GENERATED).map(|number| {
        let body = synthetic::request(signal, number).to_string();
        let scanned = scan_json(signal, body.as_bytes(), &ScanLimits::default(), &mut scratch);
        let mut columns = scanned
            .map_err(|error| AuthorsError::Request {
                file: "generated".into(),
                number,
                reason: crate::chain(&error),
            })?
            .columns;
        shift_times(&mut columns, i64::try_from(number * INTERVAL).unwrap_or(i64::MAX));
        Ok(columns)
    });
    columns.collect()
}

fn recorded(options: &BenchOptions) -> Result<Vec<Columns>, AuthorsError> {
    let mut batches = Vec::new();
    let mut scratch = Scratch::default();
    for path in &options.recordings {
        let mut recording = Recording::open(&Input::new(path.clone()), options.request_bytes)?;
        while batches.len() < RECORDED
            && let Some(request) = recording.read()?
        {
            if request.signal != options.signal {
                continue;
            }
            let scan = match request.encoding {
                Encoding::Protobuf => scan_protobuf,
                Encoding::Json => scan_json,
            };
            let scanned = scan(
                request.signal,
                &request.body,
                &ScanLimits::default(),
                &mut scratch,
            );
            let columns = scanned
                .map_err(|error| AuthorsError::Request {
                    file: path.clone(),
                    number: request.number,
                    reason: crate::chain(&error),
                })?
                .columns;
            let pieces = cut(columns, ROWS).into_iter().map(|(_, columns)| columns);
            batches.extend(pieces.filter(|columns| columns.rows() > 0));
        }
    }
    if batches.is_empty() {
        return Err(AuthorsError::NoRows {
            signal: options.signal.as_str(),
        });
    }
    Ok(batches)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::{CompilerConfig, Runtime, RuntimeConfig};

    fn options(signal: SignalType) -> BenchOptions {
        BenchOptions {
            signal,
            recordings: Vec::new(),
            config: "{}".to_owned(),
            request_bytes: 1 << 20,
        }
    }

    #[test]
    fn a_detector_is_measured_on_what_is_generated_or_recorded() {
        let runtime = Runtime::new(RuntimeConfig::new(CompilerConfig::InProcess)).unwrap();
        let errors = runtime.load("errors", aia_plugins::ERRORS).unwrap();
        for signal in [SignalType::Traces, SignalType::Logs, SignalType::Metrics] {
            let measured = bench(&errors, &errors, &options(signal)).unwrap();
            assert_eq!(measured.rows, BATCHES as u64 * u64::from(ROWS));
            let plugin = &measured.plugin;
            assert!(
                plugin.row_ns > 0.0 && plugin.slowest >= plugin.batch,
                "{plugin:?}"
            );
            assert!(
                plugin.memory_bytes > 0 && plugin.open > Duration::ZERO,
                "{plugin:?}"
            );
            // The same plugin, told the same.
            assert_eq!(plugin.signals, measured.yardstick.signals);
            assert_eq!(plugin.snapshot_bytes, measured.yardstick.snapshot_bytes);
        }

        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("spans.jsonl");
        std::fs::write(&file, synthetic::request(SignalType::Traces, 1).to_string()).unwrap();
        let mut recorded = options(SignalType::Traces);
        recorded.recordings.push(file);
        assert_eq!(bench(&errors, &errors, &recorded).unwrap().batches, BATCHES);
        recorded.signal = SignalType::Logs;
        let error = bench(&errors, &errors, &recorded).unwrap_err();
        assert!(matches!(error, AuthorsError::NoRows { .. }), "{error}");

        let report = runtime.load("report", aia_plugins::REPORT).unwrap();
        let error = bench(&report, &errors, &options(SignalType::Traces)).unwrap_err();
        assert!(matches!(error, AuthorsError::NoDetector { .. }), "{error}");
    }
}

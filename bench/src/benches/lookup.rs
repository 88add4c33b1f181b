//! Finding a trace among ten thousand segments on disk.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use aia::clock;
use aia::journal::{Append, JournalConfig};
use aia::log::{Durability, KeyRing, Log, LogConfig, Note, Retention};
use aia::metrics::Metrics;
use aia::store::{Scope, sqlite::Sqlite};
use aia_telemetry::{
    Footer, IngestKey, KeyId, ProjectId, RootSecret, ScanLimits, Scratch, SegmentLimits, SignalType,
    TenantId, scan_protobuf,
};
use anyhow::{Context, Result, ensure};
use object_store::local::LocalFileSystem;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;

use crate::generate::{Random, SpanShape, spans};
use crate::result::{Figure, Goal, Outcome};

/// Segments in the log.
const SEGMENTS: u64 = 10_000;
/// Spans in each; requests of SDKs under little load are about so large.
const SPANS: usize = 64;
/// Of all segments, those at the end that stay in the journal.
const IN_JOURNAL: u64 = 500;
/// Traces that are looked up. Each has one span in each of four segments, which lie far apart.
const TRACES: u64 = SEGMENTS / 4;
/// Look-ups that are timed; odd, so that the median is one of them.
const LOOKUPS: u64 = 201;
/// Threads that fill the log: they share its fsyncs.
const WRITERS: u64 = 16;
/// How long the compactor may take.
const UNTIL_COMPACTED: Duration = Duration::from_secs(120);

pub(super) fn run() -> Result<Outcome> {
    let folder = tempfile::tempdir().context("making a folder")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let scope = Scope {
        tenant: TenantId::new("bench")?,
        project: ProjectId::new("bench")?,
    };
    let keys = Arc::new(KeyRing::new(RootSecret::new([1; 32]), [2; 32]));
    let log = open(folder.path(), &runtime, &keys)?;
    fill(&log, &scope, &keys, 0..SEGMENTS - IN_JOURNAL)?;
    log.roll();
    wait_until_compacted(&folder.path().join("journal"))?;
    fill(&log, &scope, &keys, SEGMENTS - IN_JOURNAL..SEGMENTS)?;
    log.close();
    drop(log);

    // Opened afresh: nothing is in AIA's memory, though files may be in the system's.
    let log = open(folder.path(), &runtime, &keys)?;
    let mut random = Random::new(6);
    let mut times = Vec::new();
    for _ in 0..LOOKUPS {
        let trace = random.below(TRACES);
        let started = Instant::now();
        let rows = log.trace(&scope, trace_id(trace))?;
        times.push(started.elapsed().as_secs_f64() * 1e3);
        ensure!(
            rows.len() == 4,
            "trace {trace} has 4 spans, {} were found",
            rows.len()
        );
    }
    log.close();
    let first = times.first().copied().unwrap_or(f64::NAN);
    times.sort_by(f64::total_cmp);
    Ok(Outcome {
        figures: vec![
            Figure::new("a trace of 4 spans, median", at(&times, 50), "ms").goal(Goal::AtMost(50.0)),
            Figure::new("99 of 100 take at most", at(&times, 99), "ms"),
            Figure::new("the first after a start", first, "ms"),
        ],
        ..Outcome::default()
    })
}

fn at(sorted: &[f64], percent: usize) -> f64 {
    sorted
        .get(sorted.len() * percent / 100)
        .copied()
        .unwrap_or(f64::NAN)
}

fn trace_id(number: u64) -> [u8; 16] {
    (u128::from(number) + (1 << 100)).to_be_bytes()
}

fn open(folder: &Path, runtime: &tokio::runtime::Runtime, keys: &Arc<KeyRing>) -> Result<Log> {
    let objects = folder.join("objects");
    std::fs::create_dir_all(&objects).with_context(|| format!("creating {}", objects.display()))?;
    let log = Log::open(
        LogConfig {
            journal: JournalConfig::new(folder.join("journal")),
            cache_bytes: 0,
            segment_limits: SegmentLimits {
                max_columns_bytes: 64 << 20,
            },
            retention: Retention::default(),
            durability: Durability::Journal,
        },
        Arc::new(LocalFileSystem::new_with_prefix(&objects)?),
        runtime.handle().clone(),
        Arc::clone(keys),
        Arc::new(Sqlite::open(&folder.join("aia.db"))?),
        Arc::new(Metrics::default()),
        Arc::new(|_| {}),
    )?;
    Ok(log)
}

fn fill(log: &Log, scope: &Scope, keys: &KeyRing, numbers: std::ops::Range<u64>) -> Result<()> {
    let next = AtomicU64::new(numbers.start);
    thread::scope(|threads| {
        let write = || -> Result<()> {
            let mut scratch = Scratch::default();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= numbers.end {
                    return Ok(());
                }
                log.append_blocking(segment(scope, keys, number, &mut scratch)?)?;
            }
        };
        let writers: Vec<_> = (0..WRITERS).map(|_| threads.spawn(write)).collect();
        for writer in writers {
            writer
                .join()
                .map_err(|_| anyhow::anyhow!("a writer panicked"))??;
        }
        Ok(())
    })
}

fn segment(scope: &Scope, keys: &KeyRing, number: u64, scratch: &mut Scratch) -> Result<Append> {
    let body = request(number).encode_to_vec();
    let columns = scan_protobuf(SignalType::Traces, &body, &ScanLimits::default(), scratch)?.columns;
    let keys = keys.of(scope);
    let received_at = clock::now();
    let key = IngestKey {
        tenant: scope.tenant.clone(),
        project: scope.project.clone(),
        key_id: KeyId::new("bench")?,
        version: 1,
    };
    let header = keys.header(&columns, &body, received_at, &key);
    let segment = keys.seal(&header, Some(&columns))?;
    let footer = Some(Arc::new(Footer::of(&columns)));
    let note = Note {
        signal: header.signal,
        rows: header.rows,
        footer,
        weight: body.len(),
        columns: None,
    };
    Ok(Append {
        scope: scope.clone(),
        id: header.id,
        received_at,
        segment,
        note,
    })
}

/// A request whose first span belongs to one of the traces that are looked up.
fn request(number: u64) -> ExportTraceServiceRequest {
    let shape = SpanShape {
        spans: SPANS,
        ..SpanShape::default()
    };
    let mut request = spans(&mut Random::new(number), &shape);
    let spans = request
        .resource_spans
        .iter_mut()
        .flat_map(|resource| &mut resource.scope_spans);
    if let Some(span) = spans.flat_map(|scope| &mut scope.spans).next() {
        span.trace_id = trace_id(number % TRACES).to_vec();
    }
    request
}

fn wait_until_compacted(journal: &Path) -> Result<()> {
    let started = Instant::now();
    while journal
        .read_dir()
        .with_context(|| format!("reading {}", journal.display()))?
        .next()
        .is_some()
    {
        ensure!(started.elapsed() < UNTIL_COMPACTED, "the compactor doesn't end");
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

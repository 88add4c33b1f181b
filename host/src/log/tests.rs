//! The log as sessions and look-ups see it: across memory, journal, blocks and restarts.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aia_telemetry::{
    Columns, Footer, ProjectId, ProjectKeys, RootSecret, ScanLimits, Scratch, SegmentLimits, SignalType,
    TenantId, scan_json,
};
use object_store::memory::InMemory;

use super::*;
use crate::store::sqlite::Sqlite;

const TRACE: &str = "0102030405060708090a0b0c0d0e0f10";

pub(crate) fn scope() -> Scope {
    Scope {
        tenant: TenantId::new("t").unwrap(),
        project: ProjectId::new("p").unwrap(),
    }
}

/// One span; `number` makes it different.
pub(crate) fn columns(number: u32) -> (Columns, Vec<u8>) {
    let trace = if number == 3 {
        TRACE.to_owned()
    } else {
        format!("{:032x}", number + 1)
    };
    let body = format!(
        r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"traceId":"{trace}","spanId":"{:016x}","name":"n{number}"}}]}}]}}]}}"#,
        number + 1
    );
    let scanned = scan_json(
        SignalType::Traces,
        body.as_bytes(),
        &ScanLimits::default(),
        &mut Scratch::default(),
    )
    .unwrap();
    (scanned.columns, body.into_bytes())
}

/// A folder, objects in memory and a runtime to reach them with.
pub(crate) struct Fixture {
    folder: tempfile::TempDir,
    objects: Arc<InMemory>,
    runtime: tokio::runtime::Runtime,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        Self {
            folder: tempfile::tempdir().unwrap(),
            objects: Arc::new(InMemory::new()),
            runtime,
        }
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.folder.path().join("journal")
    }

    pub(crate) fn keys() -> Arc<KeyRing> {
        Arc::new(KeyRing::new(RootSecret::new([1; 32]), [2; 32]))
    }

    pub(crate) fn store(&self) -> Arc<dyn Store> {
        Arc::new(Sqlite::open(&self.folder.path().join("aia.db")).unwrap())
    }

    pub(super) fn open(&self, cache_bytes: usize) -> Log {
        self.open_with(cache_bytes, Arc::new(|_| {}))
    }

    pub(crate) fn open_with(&self, cache_bytes: usize, wake: Wake) -> Log {
        let journal = JournalConfig::new(self.journal());
        self.open_log(journal, cache_bytes, Retention::default(), wake)
    }

    /// Opens it with a bound to what is kept.
    pub(crate) fn open_keeping(&self, retention: Retention) -> Log {
        // What the tests receive is as old as they like: it is rolled when they say so.
        let journal = JournalConfig::new(self.journal());
        self.open_log(journal, 1 << 20, retention, Arc::new(|_| {}))
    }

    /// Opens it on another disk.
    pub(super) fn open_on(&self, disk: Arc<dyn journal::Disk>) -> Log {
        let journal = JournalConfig {
            disk,
            ..JournalConfig::new(self.journal())
        };
        self.open_log(journal, 1 << 20, Retention::default(), Arc::new(|_| {}))
    }

    fn open_log(&self, journal: JournalConfig, cache_bytes: usize, retention: Retention, wake: Wake) -> Log {
        Log::open(
            LogConfig {
                journal,
                cache_bytes,
                retention,
                durability: Durability::Journal,
                segment_limits: SegmentLimits {
                    max_columns_bytes: 1 << 20,
                },
            },
            Arc::clone(&self.objects) as Arc<dyn ObjectStore>,
            self.runtime.handle().clone(),
            Self::keys(),
            self.store(),
            Arc::new(Metrics::default()),
            wake,
        )
        .unwrap()
    }
}

/// Appends the request of this number.
pub(crate) fn append(log: &Log, number: u32) -> Appended {
    let (columns, body) = columns(number);
    append_columns(log, &scope(), columns, &body, crate::clock::now())
}

/// Appends a JSON request of a project.
pub(crate) fn append_json(log: &Log, scope: &Scope, signal: SignalType, body: &str, received_at: u64) {
    let scanned = scan_json(
        signal,
        body.as_bytes(),
        &ScanLimits::default(),
        &mut Scratch::default(),
    );
    append_columns(log, scope, scanned.unwrap().columns, body.as_bytes(), received_at);
}

/// As [`append`], on a disk that may fail.
pub(super) fn try_append(log: &Log, number: u32) -> Result<Appended, JournalError> {
    let (columns, body) = columns(number);
    log.append_blocking(sealed(&scope(), columns, &body, crate::clock::now()))
}

fn append_columns(log: &Log, scope: &Scope, columns: Columns, body: &[u8], received_at: u64) -> Appended {
    log.append_blocking(sealed(scope, columns, body, received_at))
        .unwrap()
}

pub(crate) fn sealed(scope: &Scope, columns: Columns, body: &[u8], received_at: u64) -> Append {
    let keys = ProjectKeys::derive(&RootSecret::new([1; 32]), &scope.tenant, &scope.project);
    let key = aia_telemetry::IngestKey {
        tenant: scope.tenant.clone(),
        project: scope.project.clone(),
        key_id: aia_telemetry::KeyId::new("k").unwrap(),
        version: 1,
    };
    let header = keys.header(&columns, body, received_at, &key);
    let segment = keys.seal(&header, Some(&columns)).unwrap();
    let footer = Some(Arc::new(Footer::of(&columns)));
    let note = Note {
        signal: header.signal,
        rows: header.rows,
        footer,
        weight: body.len(),
        columns: Some(columns),
    };
    Append {
        scope: scope.clone(),
        id: header.id,
        received_at,
        segment,
        note,
    }
}

/// Up to where every detector of a project has committed.
pub(crate) fn consumed(log: &Log, scope: &Scope) -> u64 {
    let state = log.shared.state.lock();
    state.projects.get(scope).map_or(0, |project| project.consumed)
}

/// Waits until the journal's folder holds at most `files`.
pub(crate) fn wait_for_compaction(folder: &Path, files: usize) {
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    while journal::list(folder).unwrap().len() > files {
        assert!(std::time::Instant::now() < deadline, "the compactor doesn't end");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn assert_holds(log: &Log, count: u32) {
    assert_eq!(log.head(&scope()).sequence, u64::from(count));
    for number in 0..count {
        let segment = log.peek(&scope(), u64::from(number) + 1).unwrap();
        assert_eq!(
            segment.columns.as_ref(),
            Some(&columns(number).0),
            "segment {number}"
        );
        assert_eq!(log.rows(&scope(), u64::from(number) + 1), Some(1));
    }
    assert!(matches!(log.read(&scope(), u64::from(count) + 1), Err(error) if error.is_lost()));
    let trace = log
        .trace(&scope(), u128::from_str_radix(TRACE, 16).unwrap().to_be_bytes())
        .unwrap();
    assert_eq!(
        trace.iter().map(|row| row.content.span_id).collect::<Vec<_>>(),
        [4]
    );
}

#[test]
fn reads_the_same_from_memory_journal_and_blocks_and_after_each_restart() {
    let fixture = Fixture::new();
    let log = fixture.open(1 << 20);
    for number in 0..6 {
        assert_eq!(append(&log, number), Appended::Stored(u64::from(number) + 1));
    }
    assert_holds(&log, 6);
    // Handing the columns over leaves the journal to read from.
    assert!(log.read(&scope(), 1).unwrap().columns.is_some());
    assert_holds(&log, 6);
    log.roll();
    wait_for_compaction(&fixture.journal(), 0);
    assert_holds(&log, 6);
    for number in 6..9 {
        append(&log, number);
    }
    assert_holds(&log, 9);
    log.close();

    let log = fixture.open(1 << 20);
    assert_holds(&log, 9);
    // Retries of what lies in blocks and of what lies in the journal are both known.
    assert_eq!(append(&log, 0), Appended::Duplicate);
    assert_eq!(append(&log, 8), Appended::Duplicate);
    assert_eq!(append(&log, 9), Appended::Stored(10));
    assert_holds(&log, 10);
    log.close();
}

#[test]
fn without_memory_to_spare_reads_from_the_journal() {
    let fixture = Fixture::new();
    let log = fixture.open(0);
    for number in 0..5 {
        append(&log, number);
    }
    assert_eq!(log.shared.state.lock().cached, 0);
    assert_holds(&log, 5);
    log.close();
}

#[test]
fn a_crash_between_blocks_and_deletion_stores_nothing_twice() {
    let fixture = Fixture::new();
    let log = fixture.open(1 << 20);
    for number in 0..5 {
        append(&log, number);
    }
    let before: Vec<_> = std::fs::read_dir(fixture.journal())
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    let copies: Vec<_> = before
        .iter()
        .map(|path| (path.clone(), std::fs::read(path).unwrap()))
        .collect();
    log.roll();
    wait_for_compaction(&fixture.journal(), 0);
    log.close();
    for (path, bytes) in copies {
        std::fs::write(path, bytes).unwrap();
    }
    let log = fixture.open(1 << 20);
    assert_holds(&log, 5);
    wait_for_compaction(&fixture.journal(), 0);
    assert_holds(&log, 5);
    assert_eq!(append(&log, 2), Appended::Duplicate);
    assert_eq!(append(&log, 5), Appended::Stored(6));
    log.close();
}

#[test]
fn a_flipped_byte_in_a_block_loses_that_segment_and_no_other() {
    use object_store::ObjectStoreExt;

    let fixture = Fixture::new();
    let log = fixture.open(1 << 20);
    for number in 0..3 {
        append(&log, number);
    }
    log.roll();
    wait_for_compaction(&fixture.journal(), 0);
    log.close();
    let path = object_store::path::Path::from(format!("blocks/t/p/{:020}", 1));
    let bytes = fixture
        .runtime
        .block_on(async { fixture.objects.get(&path).await.unwrap().bytes().await.unwrap() });
    let mut damaged = bytes.to_vec();
    damaged[40] ^= 1;
    fixture
        .runtime
        .block_on(fixture.objects.put(&path, damaged.into()))
        .unwrap();

    let log = fixture.open(1 << 20);
    let lost = log.read(&scope(), 1).err().unwrap();
    assert!(lost.is_lost(), "{lost}");
    assert!(log.read(&scope(), 2).is_ok() && log.read(&scope(), 3).is_ok());
    log.close();

    let mut footer_damaged = bytes.to_vec();
    let position = footer_damaged.len() - 60;
    footer_damaged[position] ^= 1;
    fixture
        .runtime
        .block_on(fixture.objects.put(&path, footer_damaged.into()))
        .unwrap();
    let log = fixture.open(1 << 20);
    let lost = log.read(&scope(), 2).err().unwrap();
    assert!(
        lost.is_lost() && crate::chain(&lost).contains("its footer doesn't verify"),
        "{}",
        crate::chain(&lost)
    );
    log.close();
}

/// One span at this second.
fn span_at(second: u64) -> String {
    format!(
        r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"traceId":"{second:032x}","spanId":"{second:016x}","name":"n","startTimeUnixNano":"{second}000000000","endTimeUnixNano":"{second}000000000"}}]}}]}}]}}"#
    )
}

/// Sequence numbers of the segments that may hold rows of these seconds.
fn scanned(log: &Log, seconds: std::ops::Range<u64>, segments: usize) -> (Vec<u64>, bool) {
    let wanted = Wanted {
        start: seconds.start * 1_000_000_000,
        end: seconds.end * 1_000_000_000,
        ..Wanted::default()
    };
    let budget = ScanBudget {
        segments,
        bytes: u64::MAX,
    };
    let mut found = Vec::new();
    let scanned = log
        .scan(&scope(), &wanted, budget, &mut |segment| {
            found.push(segment.sequence);
            ControlFlow::Continue(())
        })
        .unwrap();
    (found, scanned.is_cut)
}

#[test]
fn a_range_is_read_from_blocks_and_journal_alike() {
    let fixture = Fixture::new();
    let log = fixture.open(1 << 20);
    let append = |seconds: std::ops::Range<u64>| {
        for second in seconds {
            append_json(
                &log,
                &scope(),
                SignalType::Traces,
                &span_at(second),
                second * 1_000_000_000,
            );
        }
    };
    append(10..16);
    log.roll();
    wait_for_compaction(&fixture.journal(), 0);
    append(16..20);
    assert_eq!(scanned(&log, 0..100, 100), ((1..=10).collect(), false));
    assert_eq!(scanned(&log, 14..18, 100), (vec![5, 6, 7, 8], false));
    assert_eq!(scanned(&log, 16..16, 100), (Vec::new(), false));
    assert_eq!(scanned(&log, 100..200, 100), (Vec::new(), false));
    // Of more than the budget allows, some of everywhere.
    assert_eq!(scanned(&log, 0..100, 5), (vec![2, 4, 6, 8, 10], true));
    assert_eq!(log.known_since(&scope()).unwrap(), 10_000_000_000);
    let other = Scope {
        project: ProjectId::new("other").unwrap(),
        ..scope()
    };
    assert_eq!(log.known_since(&other).unwrap(), 0);
    log.close();

    // After a restart nothing is known of the journal's segments: what may hold something is read.
    let log = fixture.open(1 << 20);
    let (found, _) = scanned(&log, 17..18, 100);
    assert!(found.contains(&8) && !found.contains(&3), "{found:?}");
    log.close();
}

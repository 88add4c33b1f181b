//! Replays of recordings that the tests make, with the built-in detectors.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use aia_telemetry::SignalType;

use super::*;
use crate::config::Config;
use crate::core::{OfflineHost, Replayed};
use crate::runtime::{CompilerConfig, Runtime, RuntimeConfig};
use crate::server::default_scope;
use crate::store::{IncidentFilter, Store};

/// 2026-11-23 12:00:00 UTC.
pub(crate) const START: u64 = 1_795_435_200_000_000_000;
const SECOND: u64 = 1_000_000_000;

pub(crate) fn runtime() -> Arc<Runtime> {
    static RUNTIME: OnceLock<Arc<Runtime>> = OnceLock::new();
    Arc::clone(RUNTIME.get_or_init(|| Runtime::new(RuntimeConfig::new(CompilerConfig::InProcess)).unwrap()))
}

/// The built-in plugins, compiled once.
pub(crate) fn host() -> &'static OfflineHost {
    static HOST: OnceLock<OfflineHost> = OnceLock::new();
    HOST.get_or_init(|| OfflineHost::with_runtime(&Config::defaults().unwrap(), &runtime()).unwrap())
}

/// A span that fails, `second` seconds behind the start.
fn span(second: u64) -> String {
    let (start, end) = (START + second * SECOND, START + second * SECOND + SECOND / 2);
    let (trace, id) = (second + 1, second + 1);
    format!(
        r#"{{"traceId":"{trace:032x}","spanId":"{id:016x}","name":"POST /orders","kind":2,"startTimeUnixNano":"{start}","endTimeUnixNano":"{end}","status":{{"code":2}},"attributes":[{{"key":"http.response.status_code","value":{{"intValue":"500"}}}}],"events":[{{"timeUnixNano":"{end}","name":"exception","attributes":[{{"key":"exception.type","value":{{"stringValue":"shop.OutOfStock"}}}},{{"key":"exception.message","value":{{"stringValue":"none left"}}}}]}}]}}"#
    )
}

/// A request with the spans of these seconds.
pub(crate) fn request(seconds: impl IntoIterator<Item = u64>) -> String {
    let spans: Vec<String> = seconds.into_iter().map(span).collect();
    format!(
        r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"shop"}}}}]}},"scopeSpans":[{{"spans":[{}]}}]}}]}}"#,
        spans.join(",")
    )
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn lines(&self, name: &str, requests: &[String]) -> PathBuf {
        self.write(name, requests.join("\n").as_bytes())
    }
}

pub(crate) fn options(files: &[PathBuf]) -> ReplayOptions {
    ReplayOptions {
        inputs: files.iter().cloned().map(Input::new).collect(),
        into: None,
        scope: default_scope().unwrap(),
        settle: ReplayOptions::SETTLE,
        keep_going: false,
    }
}

fn replay(options: &ReplayOptions) -> Result<Replayed, ReplayError> {
    host().replay(options, &mut |_| {})
}

/// Everything that is stored of incidents.
fn stored(replayed: &Replayed) -> String {
    let store: &dyn Store = replayed.store.as_ref();
    let scope = default_scope().unwrap();
    let mut all = String::new();
    for incident in store
        .incidents(&scope.tenant, &IncidentFilter::default())
        .unwrap()
    {
        all += &format!(
            "{incident:#?}\n{:#?}\n{:#?}\n",
            store.timeline(&scope.tenant, &incident.id).unwrap(),
            store.evidence(&scope.tenant, &incident.id).unwrap()
        );
    }
    all + &format!("{:#?}", store.signals(&scope, 0, u64::MAX).unwrap())
}

fn told(error: &ReplayError, folder: &Folder) -> String {
    crate::chain(error).replace(&folder.0.path().display().to_string(), "DIR")
}

/// Protobuf, as OTLP's exporters to files write it. A log record each: observed time, severity, body.
fn log_records(seconds: &[u64]) -> Vec<u8> {
    fn field(number: u8, wire: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![number << 3 | wire];
        if wire == 2 {
            bytes.push(u8::try_from(content.len()).unwrap());
        }
        bytes.extend_from_slice(content);
        bytes
    }
    let record = |second: &u64| {
        let time = START + second * SECOND;
        let body = field(1, 2, b"all is well");
        [
            field(1, 1, &time.to_le_bytes()),
            field(2, 0, &[9]),
            field(5, 2, &body),
        ]
        .concat()
    };
    let records: Vec<u8> = seconds
        .iter()
        .flat_map(|second| field(2, 2, &record(second)))
        .collect();
    let request = field(1, 2, &field(2, 2, &records));
    let mut delimited = vec![u8::try_from(request.len()).unwrap()];
    delimited.extend(request);
    delimited
}

#[test]
fn the_same_files_give_the_same_incidents_in_any_order_and_cut() {
    let folder = Folder::new();
    // A request of a minute, as recordings have it.
    let whole = folder.lines("whole.traces.jsonl", &[request(0..60)]);
    let first = stored(&replay(&options(std::slice::from_ref(&whole))).unwrap());
    assert!(first.contains("OutOfStock") && first.contains("ev-"), "{first}");
    assert_eq!(first, stored(&replay(&options(&[whole])).unwrap()));

    // The requests of a minute in two files, each out of order.
    let tens = |from: u64| request(from..from + 10);
    let odd = folder.lines("a.jsonl", &[tens(50), tens(10), tens(30)]);
    let even = folder.lines("b.jsonl", &[tens(40), tens(0), tens(20)]);
    let one = replay(&options(&[odd.clone(), even.clone()])).unwrap();
    let other = replay(&options(&[even, odd])).unwrap();
    assert_eq!(stored(&one), stored(&other));
    assert_eq!(
        (one.summary.spans, one.summary.late_rows, one.summary.requests),
        (60, 0, 6)
    );
    assert_eq!(one.summary.start_time, START + SECOND / 2);
    assert_eq!(one.summary.end_time, START + 59 * SECOND + SECOND / 2);
}

#[test]
fn a_long_request_goes_in_tick_by_tick() {
    let folder = Folder::new();
    let file = folder.lines("a.jsonl", &[request((0..60).rev())]);
    let into = folder.0.path().join("kept");
    let kept = ReplayOptions {
        into: Some(into.clone()),
        settle: Duration::from_secs(30),
        ..options(&[file])
    };
    drop(replay(&kept).unwrap());
    let commits = crate::store::sqlite::Sqlite::open(&into.join("aia.db")).unwrap();
    let positions = commits.session_positions(&default_scope().unwrap()).unwrap();
    // Six pieces of telemetry, and silence at three ticks and at its end.
    assert!(
        !positions.is_empty() && positions.iter().all(|(_, _, last)| *last == 10),
        "{positions:?}"
    );
}

#[test]
fn kept_telemetry_is_not_replayed_into_the_past() {
    let folder = Folder::new();
    let into = Some(folder.0.path().join("kept"));
    let late = folder.lines("late.jsonl", &[request(100..110)]);
    let early = folder.lines("early.jsonl", &[request(0..10)]);
    let kept = |file: &PathBuf| ReplayOptions {
        into: into.clone(),
        settle: Duration::ZERO,
        ..options(std::slice::from_ref(file))
    };
    replay(&kept(&late)).unwrap();
    let error = replay(&kept(&early)).err().unwrap();
    insta::assert_snapshot!(told(&error, &folder), @"project `default` in `DIR/kept` has telemetry up to 2026-11-23T12:01:49.500000000Z; these files begin at 2026-11-23T12:00:00.500000000Z");
    // What follows in time is welcome.
    let next = folder.lines("next.jsonl", &[request(120..125)]);
    assert_eq!(replay(&kept(&next)).unwrap().summary.spans, 5);
}

#[test]
fn a_folder_in_use_is_refused() {
    let folder = Folder::new();
    let file = folder.lines("a.jsonl", &[request(0..1)]);
    let into = folder.0.path().join("kept");
    std::fs::create_dir(&into).unwrap();
    let lock = std::fs::File::create(into.join("lock")).unwrap();
    lock.lock().unwrap();
    let kept = ReplayOptions {
        into: Some(into),
        ..options(&[file])
    };
    let error = told(&replay(&kept).err().unwrap(), &folder);
    assert!(
        error.contains("another `aia up` is running on the data folder DIR/kept"),
        "{error}"
    );
}

#[test]
fn compressed_protobuf_goes_the_same_way() {
    let folder = Folder::new();
    let bytes = [log_records(&[0, 1]), vec![0], log_records(&[25])].concat();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&bytes).unwrap();
    let files = [
        folder.write("a.logs.otlp", &bytes),
        folder.write("b.logs.otlp.zst", &zstd::encode_all(&bytes[..], 1).unwrap()),
        folder.write("c.logs.otlp.gz", &gzip.finish().unwrap()),
    ];
    for file in &files {
        let replayed = replay(&options(std::slice::from_ref(file))).unwrap();
        assert_eq!(
            (replayed.summary.log_records, replayed.summary.requests),
            (3, 2),
            "{file:?}"
        );
    }
    // All at once: the others repeat the first.
    let summary = replay(&options(&files)).unwrap().summary;
    assert_eq!((summary.log_records, summary.duplicate_rows), (3, 6));
}

#[test]
fn names_must_tell_what_files_are() {
    let folder = Folder::new();
    let error = |name: &str| {
        let file = folder.write(name, b"");
        told(&replay(&options(&[file])).err().unwrap(), &folder)
    };
    insta::assert_snapshot!(error("a.otlp"), @"cannot tell whether `DIR/a.otlp` holds traces, logs or metrics: name it like `a.traces.otlp`, or say `--signal`");
    insta::assert_snapshot!(error("a.csv"), @"cannot tell what `DIR/a.csv` is: a recording ends in `.otlp` (requests in protobuf, each behind its length), `.jsonl` or `.json` (a request a line), and may be compressed (`.zst`, `.gz`)");
    insta::assert_snapshot!(error("a.logs.otlp"), @"the files hold no telemetry");
    let file = folder.write("b.otlp", &log_records(&[0]));
    let mut named = options(&[file]);
    named.inputs[0].signal = Some(SignalType::Logs);
    assert_eq!(replay(&named).unwrap().summary.log_records, 1);
}

#[test]
fn damage_is_told_with_its_place_and_passed_over_if_wanted() {
    let folder = Folder::new();
    let good = log_records(&[0]);
    let after = good.len();
    let mut garbage = good.clone();
    garbage.extend([3, 0xff, 0xff, 0xff]);
    garbage.extend_from_slice(&log_records(&[1]));
    let huge = [good.clone(), vec![0xff; 9], vec![1], log_records(&[1])].concat();
    let bomb = zstd::encode_all(
        &[good.clone(), vec![0x80, 0x80, 0xc0, 0x20], vec![0; 65 << 20]].concat()[..],
        1,
    )
    .unwrap();
    let compressed = zstd::encode_all(&good[..], 1).unwrap();
    let line = |middle: &str| format!("{}\n{middle}\n{}", request(0..1), request(1..2)).into_bytes();
    let cases: Vec<(&str, Vec<u8>, u64)> = vec![
        (
            "truncated.logs.otlp",
            [good.clone(), good[..after - 1].to_vec()].concat(),
            1,
        ),
        ("no-length.logs.otlp", [good.clone(), vec![0xff; 11]].concat(), 1),
        ("past-the-end.logs.otlp", huge, 1),
        ("too-large.logs.otlp.zst", bomb, 1),
        ("garbage.logs.otlp", garbage, 2),
        (
            "cut.logs.otlp.zst",
            compressed[..compressed.len() - 3].to_vec(),
            0,
        ),
        ("no-zstd.logs.otlp.zst", b"plain text".to_vec(), 0),
        ("text.jsonl", line("hello"), 2),
        ("unknown.jsonl", line("{\"answer\":42}"), 2),
        ("other.logs.jsonl", request(0..1).into_bytes(), 0),
        ("wrong.traces.jsonl", line("{\"resourceSpans\":7}"), 2),
    ];
    let mut all = String::new();
    for (name, bytes, good_rows) in cases {
        let file = folder.write(name, &bytes);
        let error = replay(&options(std::slice::from_ref(&file))).err().unwrap();
        all += &format!("{}\n", told(&error, &folder));
        let patient = ReplayOptions {
            keep_going: true,
            ..options(&[file])
        };
        match replay(&patient) {
            Ok(Replayed { summary, .. }) => {
                assert_eq!(
                    (summary.rows(), summary.skipped_requests),
                    (good_rows, 1),
                    "{name}"
                );
                assert_eq!(summary.skipped, [crate::chain(&error)], "{name}");
            }
            Err(error) => assert!(
                matches!(error, ReplayError::Empty) && good_rows == 0,
                "{name}: {error}"
            ),
        }
    }
    insta::assert_snapshot!(all);
}

#[test]
fn without_room_to_wait_rows_come_late_and_are_counted() {
    use super::merge::{Merge, Plan, Reading};
    let folder = Folder::new();
    let file = folder.lines("a.jsonl", &[request(40..50), request(0..10), request(20..30)]);
    let keys = Arc::new(crate::log::KeyRing::new(
        aia_telemetry::RootSecret::new([1; 32]),
        [2; 32],
    ));
    let redactor = aia_telemetry::Redactor::new(&aia_telemetry::RedactConfig::default()).unwrap();
    let pipeline = crate::ingest::Pipeline::new(
        keys,
        redactor,
        aia_telemetry::ScanLimits::default(),
        Arc::new(crate::metrics::Metrics::default()),
    );
    let reading = Reading {
        pipeline: &pipeline,
        limit: 1 << 20,
        keep_going: false,
    };
    let plan = Plan::make(
        &[Input::new(file)],
        &reading,
        &mut Summary::default(),
        &mut |_| {},
    )
    .unwrap();
    let order = |mut merge: Merge<'_>| {
        let mut times = Vec::new();
        while let Some(due) = merge.next().unwrap() {
            times.push((due.time - START) / (10 * SECOND));
        }
        times
    };
    assert_eq!(order(Merge::new(&plan, &reading)), [0, 2, 4]);
    assert_eq!(order(Merge::new(&plan, &reading).holding(0)), [4, 0, 2]);
}

#[test]
fn a_shift_moves_everything() {
    let folder = Folder::new();
    let file = folder.lines("a.jsonl", &[request(0..10)]);
    let mut shifted = options(&[file]);
    shifted.inputs[0].shift = -3600 * 1_000_000_000;
    let replayed = replay(&shifted).unwrap();
    assert_eq!(replayed.summary.start_time, START + SECOND / 2 - 3600 * SECOND);
    let stored = stored(&replayed);
    assert!(stored.contains(&(START - 3600 * SECOND).to_string()), "{stored}");
}

#[test]
fn a_throw_away_folder_is_gone_afterwards() {
    let folder = Folder::new();
    let file = folder.lines("a.jsonl", &[request(0..1)]);
    let replayed = replay(&options(&[file])).unwrap();
    let path = replayed.folder().map(Path::to_owned).unwrap();
    assert!(path.is_dir());
    drop(replayed);
    assert!(!path.exists());
}

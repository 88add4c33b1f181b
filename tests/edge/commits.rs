//! One component, every runtime: the commits that a Worker wrote are made again, byte for byte, by wasmtime from the segments
//! that they name.

use std::path::{Path, PathBuf};

use aia::pull::WasmPlugins;
use aia::runtime::{CompilerConfig, Runtime, RuntimeConfig};
use aia_bench::generate::{Steady, Trouble};
use aia_edge::{Bucket, Detector, Place, Plugins};
use aia_telemetry::{
    Commit, Header, MAX_BATCH_ROWS, SegmentLimits, SignalType, commit_key, cut, object_key, ticks_between,
};
use aia_tests::{Bundle, Worker};
use anyhow::{Context, Result, ensure};

use aia_tests::edge::{SECRET, TestBucket, post, project_keys, told, wait_for};

/// Makes a session's commits anew from what they name; each is compared with its object.
fn compare(bucket: &TestBucket, plugin: &str, component: &[u8], commits: &[Commit]) -> Result<usize> {
    let runtime = Runtime::new(RuntimeConfig::new(CompilerConfig::InProcess))?;
    let plugins = WasmPlugins::new([runtime.load(plugin, component)?]);
    let info = plugins.list().first().context("a plugin")?.clone();
    let opened = |snapshot: Option<&[u8]>| {
        plugins
            .open(0, snapshot)
            .map_err(|failure| anyhow::anyhow!("{failure:?}"))
    };
    let keys = project_keys("default")?;
    let mut detector = opened(None)?;
    let (mut previous, mut ordinal, mut at, mut found) = ([0; 32], 0, 0, 0);
    for commit in commits {
        let mut signals = Vec::new();
        let mut collect = |outcome: Result<aia_edge::Outcome, String>, time: u64| -> Result<()> {
            let outcome = outcome.map_err(anyhow::Error::msg)?;
            signals.extend(outcome.signals.into_iter().map(|signal| (time, signal)));
            Ok(())
        };
        for consumed in &commit.segments {
            ordinal += 1;
            for tick in ticks_between(at, consumed.observed_at) {
                collect(detector.tick(tick), tick)?;
            }
            at = consumed.observed_at;
            let header = Header {
                id: consumed.id,
                ..keys.empty_header(consumed.received_at)
            };
            let key = object_key(&header);
            let object = bucket.wait(bucket.get(&key))?.context("the segment is there")?;
            let (_, columns) = keys.open_at(&key, &object, &SegmentLimits::default())?;
            let columns = columns.context("it has columns")?;
            if !info.reads.contains(&columns.signal()) {
                continue;
            }
            for (first_row, piece) in cut(columns, MAX_BATCH_ROWS) {
                let place = Place {
                    segment: ordinal,
                    received_at: at,
                    first_row,
                };
                collect(detector.observe(&piece, place), at)?;
            }
        }
        for tick in ticks_between(at, commit.received_at) {
            collect(detector.tick(tick), tick)?;
        }
        at = at.max(commit.received_at);
        found += signals.len();
        let snapshot = commit.snapshot.as_ref().map(|_| detector.snapshot()).transpose();
        let again = Commit {
            number: commit.number,
            previous,
            plugin_digest: info.digest,
            plugin: info.name.clone(),
            segments: commit.segments.clone(),
            first_segment_ordinal: ordinal + 1 - commit.segments.len() as u64,
            received_at: at,
            signals,
            snapshot: snapshot.map_err(anyhow::Error::msg)?,
            snapshot_commit: commit.snapshot_commit,
        };
        let object = keys.seal_commit(&again)?;
        let key = commit_key(keys.tenant(), keys.project(), plugin, commit.number);
        let written = bucket.wait(bucket.get(&key))?.context("the commit is there")?;
        ensure!(
            object == written,
            "{key} differs: wasmtime makes {again:?}, workerd made {commit:?}"
        );
        previous = aia_telemetry::commit_hash(&object);
        // Whoever goes on from a snapshot goes on the same.
        if let Some(snapshot) = &again.snapshot {
            detector = opened(Some(snapshot))?;
        }
    }
    Ok(found)
}

/// A request: what it carries, and its body.
type Sent = (SignalType, Vec<u8>);

/// The requests of a recording: zstd over protobuf messages, each behind its length.
fn recorded(path: &Path, signal: SignalType) -> Result<Vec<Sent>> {
    let file = std::fs::read(path).with_context(|| path.display().to_string())?;
    let bytes = zstd::decode_all(file.as_slice())?;
    let mut rest = bytes.as_slice();
    let mut requests = Vec::new();
    while !rest.is_empty() {
        let length = prost::decode_length_delimiter(&mut rest)?;
        let (body, behind) = rest.split_at_checked(length).context("a request is cut off")?;
        requests.push((signal, body.to_vec()));
        rest = behind;
    }
    Ok(requests)
}

/// Every signal of a recording in turn; at most so many requests of each.
fn recording(folder: &Path, name: &str, signals: &[SignalType], most: usize) -> Result<Vec<Sent>> {
    let mut all = Vec::new();
    for signal in signals {
        let path = folder.join(format!("{name}.{}.otlp.zst", signal.as_str()));
        all.extend(recorded(&path, *signal)?.into_iter().take(most));
    }
    Ok(all)
}

/// Sends requests to a Worker that is killed in the middle, and compares what every detector committed.
fn compare_all(requests: &[Sent]) -> Result<usize> {
    let folder = tempfile::tempdir()?;
    let mut worker = Worker::start(
        &Bundle::first_party()?,
        folder.path(),
        &[("AIA_SECRET_KEY", SECRET)],
    )?;
    let bucket = TestBucket::of(&worker.s3())?;
    for (number, (signal, body)) in requests.iter().enumerate() {
        let path = format!("/v1/{}", signal.as_str());
        let answer = post(
            &worker,
            &path,
            &[("content-type", "application/x-protobuf")],
            body,
        );
        ensure!(told(answer, &worker)?.status == 200, "{}", worker.log()?);
        if number == requests.len() / 2 {
            // Sessions are restored in between.
            worker.kill_and_restart()?;
        }
    }
    let mut found = 0;
    for (name, component) in aia_plugins::DETECTORS {
        let commits = told(
            wait_for(&format!("everything consumed by {name}"), || {
                let commits = bucket.commits(name)?;
                let segments: usize = commits.iter().map(|commit| commit.segments.len()).sum();
                Ok((segments == requests.len()).then_some(commits))
            }),
            &worker,
        )?;
        found += compare(&bucket, name, component, &commits)?;
    }
    Ok(found)
}

#[test]
fn commits_of_workerd_are_those_of_wasmtime_byte_for_byte() -> Result<()> {
    let trouble = Trouble { after: 0 };
    let requests: Vec<Sent> = Steady::new(7, 20)
        .with_trouble(trouble)
        .take(36)
        .map(|request| (request.signal, request.body))
        .collect();
    ensure!(
        compare_all(&requests)? > 0,
        "without signals there would be less to compare"
    );
    Ok(())
}

#[test]
fn so_are_those_of_a_recorded_shop() -> Result<()> {
    let tests = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    let folder = Path::new(&tests).join("../docs/recordings");
    let signals = [SignalType::Traces, SignalType::Logs, SignalType::Metrics];
    compare_all(&recording(&folder, "shop", &signals, 40)?).map(drop)
}

/// The recordings aren't part of the repository: `AIA_DATA` names their folder, and without it there must be some beside the
/// checkout, or nothing is compared.
#[test]
fn so_are_those_of_recorded_faults() -> Result<()> {
    let tests = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    let named = std::env::var_os("AIA_DATA").map(PathBuf::from);
    let is_named = named.is_some();
    let data = named.unwrap_or_else(|| Path::new(&tests).join("../../shared/data"));
    let folder = data.join("trainticket/2023-01-29/fault");
    if !is_named && !folder.is_dir() {
        println!(
            "NOT CHECKED: no recorded faults in {}; AIA_DATA may name them",
            folder.display()
        );
        return Ok(());
    }
    let signals = [SignalType::Traces, SignalType::Logs];
    compare_all(&recording(&folder, "08_43", &signals, 12)?).map(drop)
}

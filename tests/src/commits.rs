//! One component, every runtime: the commits that the edge wrote are made again, byte for byte, by wasmtime from the segments
//! that they name.

use std::path::{Path, PathBuf};

use aia::pull::WasmPlugins;
use aia::runtime::{CompilerConfig, Runtime, RuntimeConfig};
use aia_edge::{Bucket, Detector, Place, Plugins};
use aia_telemetry::{
    Commit, Header, MAX_BATCH_ROWS, SegmentLimits, SignalType, commit_key, cut, object_key, ticks_between,
};
use anyhow::{Context, Result, ensure};

use crate::edge::{TestBucket, project_keys, wait_for};

/// Waits until a session has committed so many segments, and compares its commits as [`compare`] does.
///
/// # Errors
/// If it doesn't commit them in time, or as [`compare`].
pub fn compare_consumed(
    bucket: &TestBucket,
    plugin: &str,
    component: &[u8],
    segments: usize,
) -> Result<usize> {
    let commits = wait_for(&format!("everything consumed by {plugin}"), || {
        let commits = bucket.commits(plugin)?;
        let consumed: usize = commits.iter().map(|commit| commit.segments.len()).sum();
        Ok((consumed == segments).then_some(commits))
    })?;
    compare(bucket, plugin, component, &commits)
}

/// Makes a session's commits anew from what they name, by wasmtime as a host does; each is compared with its object. How many
/// signals there were.
///
/// # Errors
/// If one differs, or what it names isn't there.
pub fn compare(bucket: &TestBucket, plugin: &str, component: &[u8], commits: &[Commit]) -> Result<usize> {
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
            "{key} differs: wasmtime makes {again:?}, the edge made {commit:?}"
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
pub type Sent = (SignalType, Vec<u8>);

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
///
/// # Errors
/// If it can't be read.
pub fn recording(folder: &Path, name: &str, signals: &[SignalType], most: usize) -> Result<Vec<Sent>> {
    let mut all = Vec::new();
    for signal in signals {
        let path = folder.join(format!("{name}.{}.otlp.zst", signal.as_str()));
        all.extend(recorded(&path, *signal)?.into_iter().take(most));
    }
    Ok(all)
}

/// Recordings that are part of the repository.
#[must_use]
pub fn kept_recordings() -> PathBuf {
    let tests = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    Path::new(&tests).join("../docs/recordings")
}

/// Recordings that aren't: `AIA_DATA` names their folder, and without it there must be some beside the checkout, or nothing
/// is to be compared.
#[must_use]
pub fn recorded_faults() -> Option<PathBuf> {
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
        return None;
    }
    Some(folder)
}

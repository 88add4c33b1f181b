//! Segments that a Worker at the edge put into a bucket: each is pulled, once, whatever becomes of host and bucket, and
//! nothing else is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use aia::secrets::Secrets;
use aia_telemetry::{
    IngestKey, KeyId, ProjectId, ProjectKeys, RevocationList, RootSecret, ScanLimits, Scratch, SignalType,
    TenantId, object_key, scan_protobuf,
};
use aia_tests::{Host, S3Server, Wire, failing_request, healthy_request, now};
use anyhow::{Context, Result, anyhow, ensure};

use crate::FOUND_WITHIN;
use crate::kills::{ROWS, moment, stored};

const SECOND: u64 = 1_000_000_000;
const HOUR: u64 = 3_600 * SECOND;

/// A busy machine takes its time.
const PULLED_WITHIN: Duration = Duration::from_secs(60);

/// What a Worker of this deployment does: seals requests, and puts them into the bucket.
struct Edge {
    secret: RootSecret,
    bucket: PathBuf,
}

impl Edge {
    fn of(host: &Host, s3: &S3Server) -> Result<Self> {
        Ok(Self {
            secret: Secrets::load(&host.data(), None)?.segments(),
            bucket: s3.bucket(),
        })
    }

    /// A request of traces as an object: key and bytes.
    fn seal(secret: &RootSecret, project: &str, body: &[u8], received_at: u64) -> Result<(String, Vec<u8>)> {
        let key = IngestKey {
            tenant: TenantId::new("default")?,
            project: ProjectId::new(project)?,
            key_id: KeyId::new("edge")?,
            version: 1,
        };
        let limits = ScanLimits::default();
        let scanned = scan_protobuf(SignalType::Traces, body, &limits, &mut Scratch::default())?;
        let keys = ProjectKeys::derive(secret, &key.tenant, &key.project);
        let header = keys.header(&scanned.columns, body, received_at, &key);
        Ok((object_key(&header), keys.seal(&header, Some(&scanned.columns))?))
    }

    fn put(&self, body: &[u8], received_at: u64) -> Result<String> {
        let (key, bytes) = Self::seal(&self.secret, "default", body, received_at)?;
        self.put_object(&key, &bytes)?;
        Ok(key)
    }

    /// Whole, as a put is.
    fn put_object(&self, key: &str, bytes: &[u8]) -> Result<()> {
        let path = self.bucket.join(key);
        std::fs::create_dir_all(path.parent().context("a key has a folder")?)?;
        let half = self.bucket.with_file_name("half");
        std::fs::write(&half, bytes)?;
        Ok(std::fs::rename(half, path)?)
    }

    fn has(&self, key: &str) -> bool {
        self.bucket.join(key).is_file()
    }
}

fn start(folder: &Path, s3: &S3Server) -> Result<Host> {
    start_with(folder, s3, &[])
}

fn start_with(folder: &Path, s3: &S3Server, flags: &[&str]) -> Result<Host> {
    let pull = s3.pull_flags();
    let all: Vec<&str> = pull
        .iter()
        .map(String::as_str)
        .chain(flags.iter().copied())
        .collect();
    Host::start_in(folder, &all, &S3Server::pull_environment())
}

fn wait_for(what: &str, is_there: impl Fn() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + PULLED_WITHIN;
    while !is_there()? {
        ensure!(Instant::now() < deadline, "not within {PULLED_WITHIN:?}: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// Waits until the running host has pulled so many segments.
fn wait_for_segments(host: &Host, count: u64) -> Result<()> {
    wait_for(&format!("{count} segments"), || {
        Ok(host.metric("aia_pull_segments_total")? >= count)
    })
}

fn log(folder: &Path) -> Result<String> {
    Ok(std::fs::read_to_string(folder.join("aia.log"))?)
}

fn once(numbers: impl Iterator<Item = u64>) -> BTreeMap<u64, usize> {
    numbers.map(|number| (number, ROWS)).collect()
}

#[test]
fn pulled_segments_open_one_incident_also_over_kills() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let s3 = S3Server::start(&folder.path().join("s3"))?;
    let mut host = start(folder.path(), &s3)?;
    let edge = Edge::of(&host, &s3)?;
    for number in 0..20 {
        edge.put(&healthy_request(number), now())?;
    }
    wait_for_segments(&host, 20)?;
    let mut bodies = Vec::new();
    for round in 1..=3_u64 {
        for number in 0..10 {
            bodies.push(failing_request(round * 100 + number));
            edge.put(&bodies[bodies.len() - 1], now())?;
        }
        wait_for_segments(&host, 1)?;
        host.kill_and_restart()?;
    }
    let incident = host.wait_for_incident(FOUND_WITHIN)?;
    ensure!(
        incident["service"] == "payment" && incident["release"] == "2.0.0",
        "{incident}"
    );
    // A client that sends to the host what the edge has taken is recognised.
    ensure!(host.send_traces(&bodies[29])? == 200);
    host.kill_and_restart()?;
    std::thread::sleep(Duration::from_secs(12));
    let incidents = host.incidents()?;
    ensure!(
        incidents.len() == 1 && incidents[0]["id"] == incident["id"],
        "{incidents:?}"
    );
    host.kill()?;
    let sent = (0..20).chain((1..=3).flat_map(|round| round * 100..round * 100 + 10));
    ensure!(stored(&host.data())? == once(sent));
    Ok(())
}

#[test]
fn everything_is_pulled_once_whenever_the_host_dies() -> Result<()> {
    const ROUNDS: u64 = 8;
    const SEGMENTS: u64 = 40;
    let folder = tempfile::tempdir()?;
    let s3 = S3Server::start(&folder.path().join("s3"))?;
    let mut host = start(folder.path(), &s3)?;
    let edge = Edge::of(&host, &s3)?;
    for round in 0..ROUNDS {
        for number in round * SEGMENTS..(round + 1) * SEGMENTS {
            // Longer ago than the journal remembers ids, and in no order.
            edge.put(
                &healthy_request(number),
                now() - 5 * HOUR + number % 7 * 60 * SECOND,
            )?;
        }
        std::thread::sleep(moment(10, 500));
        host.kill_and_restart()?;
    }
    wait_for("the whole log", || {
        Ok(stored(&host.data())?.len() as u64 == ROUNDS * SEGMENTS)
    })?;
    // Twice more over everything.
    std::thread::sleep(Duration::from_secs(5));
    host.stop()?;
    ensure!(stored(&host.data())? == once(0..ROUNDS * SEGMENTS));
    Ok(())
}

#[test]
fn a_segment_two_hours_late_is_found() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let s3 = S3Server::start(&folder.path().join("s3"))?;
    let host = start(folder.path(), &s3)?;
    let edge = Edge::of(&host, &s3)?;
    edge.put(&healthy_request(0), now())?;
    wait_for_segments(&host, 1)?;
    edge.put(&healthy_request(1), now() - 2 * HOUR)?;
    wait_for_segments(&host, 2)
}

#[test]
fn what_has_been_there_for_long_enough_is_deleted() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let s3 = S3Server::start(&folder.path().join("s3"))?;
    let host = start_with(folder.path(), &s3, &["--set", "pull.keep=1 h"])?;
    let edge = Edge::of(&host, &s3)?;
    let (old, new) = (
        edge.put(&healthy_request(0), now() - 2 * HOUR)?,
        edge.put(&healthy_request(1), now())?,
    );
    wait_for_segments(&host, 2)?;
    wait_for("the old one to go", || Ok(!edge.has(&old)))?;
    ensure!(edge.has(&new));
    Ok(())
}

#[test]
fn what_does_not_verify_is_quarantined_and_the_rest_arrives() -> Result<()> {
    const FOREIGN: u64 = 400;
    let folder = tempfile::tempdir()?;
    let s3 = S3Server::start(&folder.path().join("s3"))?;
    let host = start_with(folder.path(), &s3, &["--set", "limits.decompressed-bytes=256KiB"])?;
    let edge = Edge::of(&host, &s3)?;
    let body = healthy_request;
    let seal = |secret: &RootSecret, number| Edge::seal(secret, "default", &body(number), now());

    let (flipped, mut bytes) = seal(&edge.secret, 1)?;
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    edge.put_object(&flipped, &bytes)?;
    let (renamed, _) = seal(&edge.secret, 2)?;
    edge.put_object(&renamed, &seal(&edge.secret, 3)?.1)?;
    let (foreign, bytes) = Edge::seal(&edge.secret, "other", &body(4), now())?;
    let foreign = foreign.replace("/other/", "/default/");
    edge.put_object(&foreign, &bytes)?;
    let (other_secret, bytes) = seal(&RootSecret::new([7; 32]), 5)?;
    edge.put_object(&other_secret, &bytes)?;
    let (huge, _) = seal(&edge.secret, 6)?;
    edge.put_object(&huge, &vec![0; 600 << 10])?;
    let odd = [
        "a b",
        "\u{202e}\u{1b}[2J",
        "x/y/z/0/1",
        "%2e%2e",
        "UPPER",
        "2026-08-01/00/00/short",
    ];
    for name in odd {
        edge.put_object(&format!("segments/default/default/{name}"), b"odd")?;
    }
    for number in 0..FOREIGN {
        let project = format!("project-{}", number % 20);
        let (key, bytes) = Edge::seal(&RootSecret::new([8; 32]), &project, &body(number), now())?;
        edge.put_object(&key, &bytes)?;
    }
    edge.put_object("segments/stray", b"")?;
    edge.put_object("segments/..odd/~/x", b"")?;
    let good = edge.put(&body(0), now())?;

    wait_for_segments(&host, 1)?;
    let count = |reason: &str| host.metric(&format!("aia_pull_quarantined_total{{reason=\"{reason}\"}}"));
    wait_for("all to be quarantined", || Ok(count("forged")? == FOREIGN + 2))?;
    wait_for("odd names to be quarantined", || {
        Ok(count("name")? == odd.len() as u64)
    })?;
    for reason in ["moved", "foreign", "size"] {
        ensure!(count(reason)? == 1, "{reason}");
    }
    for key in [&flipped, &renamed, &foreign, &other_secret, &huge] {
        ensure!(!edge.has(key) && edge.has(&format!("quarantine/{key}")), "{key}");
    }
    ensure!(edge.has(&good));
    let log = log(folder.path())?;
    let is_told = |key: &str, reason: &str| {
        log.lines().any(|line| {
            line.contains("audit") && line.contains(key) && line.contains(&format!("reason=\"{reason}\""))
        })
    };
    ensure!(
        is_told(&flipped, "forged") && is_told(&renamed, "moved") && is_told(&foreign, "foreign"),
        "{log}"
    );
    ensure!(!log.contains('\u{202e}'), "a key does something to a terminal");
    // None of the projects that were made up exist.
    std::thread::sleep(Duration::from_secs(3));
    ensure!(host.metric("aia_pull_segments_total")? == 1);
    ensure!(count("forged")? == FOREIGN + 2);
    Ok(())
}

#[test]
fn a_bucket_that_is_down_at_first_and_in_between_holds_up_nothing_for_good() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let s3 = S3Server::start(&folder.path().join("s3"))?;
    s3.set(Wire::Closed);
    let host = start(folder.path(), &s3)?;
    let edge = Edge::of(&host, &s3)?;
    edge.put(&healthy_request(0), now())?;
    wait_for("the failure to be told", || {
        Ok(host.metric("aia_pull_errors_total")? > 0)
    })?;
    // Meanwhile the host does what it does.
    ensure!(host.send_traces(&healthy_request(1))? == 200);
    ensure!(log(folder.path())?.contains("check `pull.endpoint`"));
    for (round, fault) in (1..).zip([Wire::Mute, Wire::Half, Wire::Slow]) {
        s3.set(Wire::Whole);
        wait_for_segments(&host, round)?;
        s3.set(fault);
        edge.put(&healthy_request(round + 1), now())?;
        std::thread::sleep(Duration::from_secs(2));
    }
    s3.set(Wire::Whole);
    wait_for_segments(&host, 4)?;
    ensure!(log(folder.path())?.contains("works again"));
    Ok(())
}

#[test]
fn revoked_keys_are_told_to_the_edge() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let s3 = S3Server::start(&folder.path().join("s3"))?;
    let host = start(folder.path(), &s3)?;
    let edge = Edge::of(&host, &s3)?;
    let list = || -> Result<Option<RevocationList>> {
        match std::fs::read(edge.bucket.join(RevocationList::OBJECT_KEY)) {
            // A put may be under way.
            Ok(bytes) => Ok(RevocationList::open(&bytes, &edge.secret).ok()),
            Err(_) => Ok(None),
        }
    };
    wait_for(
        "an empty list",
        || Ok(list()?.is_some_and(|list| list.is_empty())),
    )?;
    let key = host.command(&["key", "create", "--name", "leaked"])?;
    let secrets = Secrets::load(&host.data(), None)?.ingest();
    let key = secrets.verify(key.trim()).map_err(|error| anyhow!("{error:?}"))?;
    host.command(&["key", "revoke", "leaked"])?;
    wait_for("the revoked key", || {
        Ok(list()?.is_some_and(|list| list.is_revoked(&key)))
    })
}

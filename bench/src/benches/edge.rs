//! The Worker in real workerd: processor time a request with plugins and without, the first request, and what is written to
//! the bucket.
//!
//! workerd's processor time is that of the whole process, so it has the bucket's and the objects' storage in it, which on
//! Cloudflare's machines are somewhere else. It falls on both sides.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use aia_tests::edge::{SECRET, TestBucket, ingest_key, post};
use aia_tests::{Bundle, Worker};
use anyhow::{Context, Result, ensure};

use super::{ROWS, Setting};
use crate::load::{Load, Protocol, Signal, Target, drive};
use crate::result::{Figure, Goal, Outcome};
use crate::server::cpu_seconds;

/// 80 requests a second, under what the Worker's brake lets pass.
const CONNECTIONS: usize = 4;
const PACE: Duration = Duration::from_millis(50);

/// How long is sent.
const TIME: Duration = Duration::from_secs(20);

/// Until what was sent is committed: every 10 s, and a little.
const UNTIL_COMMITTED: Duration = Duration::from_secs(14);

/// An entry of a Worker without plugins.
const WITHOUT: &str =
    "globalThis.aiaPlugins = [];\nexport { default, ProjectSession } from \"./shell/shell.mjs\";\n";

pub(super) fn run(setting: &Setting) -> Result<Outcome> {
    let built = setting
        .edge
        .as_deref()
        .context("the bundle isn't there: run `cargo xtask bench edge`")?;
    let bundle = Bundle::read(built)?;
    let folder = tempfile::tempdir().context("making a folder")?;
    let entry = folder.path().join("without.mjs");
    std::fs::write(&entry, WITHOUT).context("writing an entry")?;
    let none = bundle.with_worker(&folder.path().join("without"), &entry)?;
    let without = measure(&none, &folder.path().join("a"))?;
    let with = measure(&bundle, &folder.path().join("b"))?;
    let share = 100.0 * (with.cpu_ms - without.cpu_ms) / with.cpu_ms;
    let a_million = 1e6 / (with.requests * ROWS);
    Ok(Outcome {
        figures: vec![
            Figure::new(
                "a request of 512 spans, with every detector",
                with.cpu_ms,
                "ms of processor",
            ),
            Figure::new("the same without detectors", without.cpu_ms, "ms of processor"),
            Figure::new("share of the detectors", share, "%").goal(Goal::AtMost(25.0)),
            Figure::new(
                "from the start of the process to its first answer",
                with.start_ms,
                "ms",
            ),
            Figure::new("the first request", with.first_ms, "ms"),
            Figure::new("p50 of later ones", with.p50_ms, "ms"),
            Figure::new(
                "puts of segments a million spans",
                with.segments * a_million,
                "puts",
            ),
            Figure::new(
                "puts of commits a million spans",
                with.commits * a_million,
                "puts",
            ),
        ],
        ..Outcome::default()
    })
}

struct Measured {
    requests: f64,
    cpu_ms: f64,
    start_ms: f64,
    first_ms: f64,
    p50_ms: f64,
    segments: f64,
    commits: f64,
}

fn measure(bundle: &Bundle, folder: &Path) -> Result<Measured> {
    let started = Instant::now();
    let worker = Worker::start(bundle, folder, &[("AIA_SECRET_KEY", SECRET)])?;
    let key = ingest_key("default")?;
    let sent = Instant::now();
    let answer = post(
        &worker,
        "/v1/traces",
        &[("content-type", "application/json")],
        b"{}",
    )?;
    ensure!(answer.status == 200, "the first answer was {}", answer.status);
    let (start_ms, first_ms) = (milliseconds(started), milliseconds(sent));

    let address = worker.url().trim_start_matches("http://");
    let address: SocketAddr = address
        .parse()
        .with_context(|| format!("the address {address}"))?;
    let target = Target {
        http: address,
        grpc: address,
        key: Some(key),
    };
    let load = Load {
        protocol: Protocol::Http,
        signal: Signal::Spans,
        rows: 512,
        connections: CONNECTIONS,
        pace: Some(PACE),
    };
    // Code is compiled by then, and sessions are open.
    drive(&target, &load, Duration::from_secs(3))?;
    std::thread::sleep(UNTIL_COMMITTED);
    let bucket = TestBucket::of(&worker.s3())?;
    let id = worker.workerd()?.to_string();
    let before = (cpu_seconds(&id)?, objects(&bucket)?);
    let answered = drive(&target, &load, TIME)?;
    std::thread::sleep(UNTIL_COMMITTED);
    let after = (cpu_seconds(&id)?, objects(&bucket)?);
    ensure!(
        answered.refused == 0,
        "{} requests were refused",
        answered.refused
    );
    let requests = answered.latencies_us.len() as f64;
    Ok(Measured {
        requests,
        cpu_ms: (after.0 - before.0) * 1e3 / requests,
        start_ms,
        first_ms,
        p50_ms: answered.quantile_ms(0.5),
        segments: after.1.0 - before.1.0,
        commits: after.1.1 - before.1.1,
    })
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

/// Segments and commits in the bucket.
fn objects(bucket: &TestBucket) -> Result<(f64, f64)> {
    let count = |prefix: &str| anyhow::Ok(bucket.keys(prefix)?.len() as f64);
    Ok((count("segments/")?, count("sessions/")?))
}

//! The Spin app: size, instantiation, what plugins cost a span, and requests a second.
//!
//! The app, its bucket and the load's generator are one process here, on wasmtime with Spin's interfaces around it. What is
//! compared is that process's processor time, in which the bucket and the generator fall on all sides.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use aia_tests::S3Server;
use aia_tests::edge::{TestBucket, ingest_key};
use aia_tests::spin::{Compiled, Reuse, SpinApp, SpinBundle, variables};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::{ROWS, Setting};
use crate::load::{Load, Protocol, Signal, Target, drive};
use crate::result::{Figure, Goal, Outcome};
use crate::server::cpu_seconds;

/// 40 requests a second.
const CONNECTIONS: usize = 4;
const PACE: Duration = Duration::from_millis(100);
/// How long is sent in a round, and how many rounds there are: the apps take turns, and the least of the rounds counts.
const TIME: Duration = Duration::from_secs(10);
const ROUNDS: usize = 3;
/// Until what was sent is committed.
const UNTIL_COMMITTED: Duration = Duration::from_secs(14);
/// Instances that are made to see how long one takes.
const INSTANCES: u32 = 200;

pub(super) fn run(setting: &Setting) -> Result<Outcome> {
    let built = setting
        .spin
        .as_deref()
        .context("the app isn't there: run `cargo xtask bench spin`")?;
    let bundle = SpinBundle::read(built)?;
    let folder = tempfile::tempdir().context("making a folder")?;
    let all = Compiled::optimised(&bundle.folder().join("spin.toml"), true)?;
    let component = std::fs::metadata(bundle.folder().join("edge.wasm"))?.len() as f64;

    let mut apps = vec![all];
    for count in [0, 1, 4] {
        let app = folder.path().join(format!("idle{count}"));
        let app = with_idle(&bundle, &setting.aia, &app, count)?;
        apps.push(Compiled::optimised(&app, true)?);
    }
    let mut least = vec![Measured::WORST; apps.len()];
    for round in 0..ROUNDS {
        for (number, (app, least)) in apps.iter().zip(&mut least).enumerate() {
            let s3 = folder.path().join(format!("s3-{round}-{number}"));
            *least = least.min(&measure(app, &s3)?);
        }
    }
    let [every, none, one, four] = least.as_slice() else {
        anyhow::bail!("four apps are measured");
    };
    let all = apps.first().context("the app")?;
    let a_span = |more: f64| more * 1e6 / ROWS;
    let share = 100.0 * (every.cpu_ms - none.cpu_ms) / every.cpu_ms;
    Ok(Outcome {
        figures: vec![
            Figure::new("the component", component / 1_048_576.0, "MiB"),
            Figure::new(
                "the same with every detector composed",
                all.size as f64 / 1_048_576.0,
                "MiB",
            ),
            Figure::new("an instance of that", instantiate(all)?, "µs"),
            Figure::new(
                "one plugin that does next to nothing, with its commits",
                a_span(one.cpu_ms - none.cpu_ms),
                "ns a span",
            ),
            Figure::new("four of them", a_span(four.cpu_ms - none.cpu_ms), "ns a span"),
            Figure::new(
                "a request of 512 spans, with every detector",
                every.cpu_ms,
                "ms of processor",
            ),
            Figure::new("the same without detectors", none.cpu_ms, "ms of processor"),
            Figure::new("share of the detectors", share, "%").goal(Goal::AtMost(25.0)),
            Figure::new("p50 of a request", every.p50_ms, "ms"),
            Figure::new(
                "requests of 512 spans, as fast as they are taken",
                throughput(all, &folder.path().join("s3-fast"))?,
                "a second",
            ),
        ],
        ..Outcome::default()
    })
}

/// The app with so many plugins that read everything and find nothing; the path of its manifest.
fn with_idle(bundle: &SpinBundle, aia: &Path, folder: &Path, count: usize) -> Result<PathBuf> {
    let plugin = folder.with_extension("wasm");
    std::fs::write(&plugin, aia_plugins::EVIL)?;
    let app = bundle.made_by(aia, folder, &[&plugin])?;
    let description = app.folder().join("config/plugins.json");
    let described: Value = serde_json::from_str(&std::fs::read_to_string(&description)?)?;
    let one = described.get(0).context("a plugin")?;
    // Names are told apart by commits; a file may well be in several slots.
    let several: Vec<Value> = (1..=count)
        .map(|slot| {
            let mut plugin = one.clone();
            plugin["slot"] = json!(slot);
            plugin["name"] = json!(format!("idle{slot}"));
            plugin
        })
        .collect();
    std::fs::write(&description, json!(several).to_string())?;
    let manifest = app.folder().join("spin.toml");
    let mut text = std::fs::read_to_string(&manifest)?;
    for slot in 2..=count {
        let slot = format!("slot{slot}/detector@0.1.0\" = {{ path = \"");
        text = text.replace(&format!("{slot}vacant.wasm"), &format!("{slot}plugins/evil.wasm"));
    }
    std::fs::write(&manifest, text)?;
    Ok(manifest)
}

/// How long an instance takes, in microseconds.
fn instantiate(compiled: &Compiled) -> Result<f64> {
    let given: BTreeMap<String, String> = variables(&aia_tests::S3 {
        endpoint: "http://127.0.0.1:1".to_owned(),
        bucket: "none".to_owned(),
        region: "auto".to_owned(),
        access_key_id: String::new(),
        secret_access_key: String::new(),
    });
    compiled.instantiate(&given)?;
    let begun = Instant::now();
    for _ in 0..INSTANCES {
        compiled.instantiate(&given)?;
    }
    Ok(begun.elapsed().as_secs_f64() * 1e6 / f64::from(INSTANCES))
}

#[derive(Clone)]
struct Measured {
    cpu_ms: f64,
    p50_ms: f64,
}

impl Measured {
    const WORST: Self = Self {
        cpu_ms: f64::MAX,
        p50_ms: f64::MAX,
    };

    fn min(&self, other: &Self) -> Self {
        Self {
            cpu_ms: self.cpu_ms.min(other.cpu_ms),
            p50_ms: self.p50_ms.min(other.p50_ms),
        }
    }
}

/// An app, and where to send to.
struct Running {
    _app: SpinApp,
    _s3: S3Server,
    bucket: TestBucket,
    target: Target,
}

fn start(compiled: &Arc<Compiled>, folder: &Path) -> Result<Running> {
    let s3 = S3Server::start(folder)?;
    let app = SpinApp::start_with(Arc::clone(compiled), variables(&s3.settings()), Reuse::default())?;
    let address = app.url().trim_start_matches("http://");
    let address: SocketAddr = address
        .parse()
        .with_context(|| format!("the address {address}"))?;
    Ok(Running {
        target: Target {
            http: address,
            grpc: address,
            key: Some(ingest_key("default")?),
        },
        bucket: TestBucket::of(&s3.settings())?,
        _app: app,
        _s3: s3,
    })
}

fn load(pace: Option<Duration>) -> Load {
    Load {
        protocol: Protocol::Http,
        signal: Signal::Spans,
        rows: 512,
        connections: CONNECTIONS,
        pace,
    }
}

fn measure(compiled: &Arc<Compiled>, folder: &Path) -> Result<Measured> {
    let running = start(compiled, folder)?;
    // An instance leads by then, and sessions are open.
    drive(&running.target, &load(Some(PACE)), Duration::from_secs(3))?;
    std::thread::sleep(UNTIL_COMMITTED);
    let id = std::process::id().to_string();
    let before = cpu_seconds(&id)?;
    let answered = drive(&running.target, &load(Some(PACE)), TIME)?;
    std::thread::sleep(UNTIL_COMMITTED);
    let after = cpu_seconds(&id)?;
    ensure!(
        answered.refused == 0,
        "{} requests were refused",
        answered.refused
    );
    let requests = answered.latencies_us.len() as f64;
    Ok(Measured {
        cpu_ms: (after - before) * 1e3 / requests,
        p50_ms: answered.quantile_ms(0.5),
    })
}

/// Requests a second, all of them in the bucket.
fn throughput(compiled: &Arc<Compiled>, folder: &Path) -> Result<f64> {
    let running = start(compiled, folder)?;
    drive(&running.target, &load(None), Duration::from_secs(2))?;
    let before = running.bucket.keys("segments/")?.len();
    let begun = Instant::now();
    let answered = drive(&running.target, &load(None), TIME)?;
    let seconds = begun.elapsed().as_secs_f64();
    ensure!(
        answered.refused == 0,
        "{} requests were refused",
        answered.refused
    );
    let put = running.bucket.keys("segments/")?.len() - before;
    let requests = answered.latencies_us.len();
    ensure!(
        put >= requests,
        "{requests} requests were answered and {put} segments put"
    );
    Ok(requests as f64 / seconds)
}

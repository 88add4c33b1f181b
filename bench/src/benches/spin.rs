//! The Spin app: size, instantiation, what plugins cost a span, and requests a second.
//!
//! The app runs in a process of its own, on wasmtime with Spin's interfaces around it; its bucket and the load's generator
//! are in this one. What a detector takes for a span is what the app says of it; what it costs with its commits is the
//! difference of two apps' processor time.

mod app;
mod costs;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use aia_tests::S3Server;
use aia_tests::edge::{TestBucket, ingest_key};
use aia_tests::spin::{Compiled, SpinBundle, variables};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::Setting;
use crate::load::{Load, Protocol, Signal, Target, drive};
use crate::result::{Figure, Goal, Outcome, Table};

use app::AppProcess;
pub use app::serve_spin_app;

/// 100 requests a second.
const CONNECTIONS: usize = 4;
const PACE: Duration = Duration::from_millis(40);
/// How long is sent in a round, and how many rounds there are: the apps take turns, and the least of the rounds counts.
const TIME: Duration = Duration::from_secs(30);
const ROUNDS: usize = 2;
/// How long the app is sent to without a pause.
const FAST: Duration = Duration::from_secs(10);
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
    let manifest = bundle.folder().join("spin.toml");
    let all = Compiled::optimised(&manifest, true)?;
    let component = std::fs::metadata(bundle.folder().join("edge.wasm"))?.len() as f64;

    let mut apps = vec![manifest];
    for count in [0, 1, 4] {
        let app = folder.path().join(format!("idle{count}"));
        apps.push(with_idle(&bundle, &setting.aia, &app, count)?);
    }
    let mut least = vec![Measured::default(); apps.len()];
    for round in 0..ROUNDS {
        for (number, (app, least)) in apps.iter().zip(&mut least).enumerate() {
            let s3 = folder.path().join(format!("s3-{round}-{number}"));
            least.keep_less(measure(app, &s3)?);
        }
    }
    let [every, none, one, four] = least.as_slice() else {
        anyhow::bail!("four apps are measured");
    };
    let share = 100.0 * (every.cpu_ms - none.cpu_ms) / every.cpu_ms;
    let fast = throughput(apps.first().context("the app")?, &folder.path().join("s3-fast"))?;
    Ok(Outcome {
        figures: vec![
            Figure::new("the component", component / 1_048_576.0, "MiB"),
            Figure::new(
                "the same with every detector composed",
                all.size as f64 / 1_048_576.0,
                "MiB",
            ),
            Figure::new("an instance of that", instantiate(&all)?, "µs"),
            Figure::new(
                "one plugin that reads all and finds nothing",
                one.a_span()?,
                "ns a span",
            ),
            Figure::new("four of them", four.a_span()?, "ns a span"),
            Figure::new("every detector", every.a_span()?, "ns a span"),
            Figure::new(
                "a request of 512 spans until committed, with every detector",
                every.cpu_ms,
                "ms of processor",
            ),
            Figure::new("the same without detectors", none.cpu_ms, "ms of processor"),
            Figure::new("share of the detectors and their commits", share, "%").goal(Goal::AtMost(25.0)),
            Figure::new("p50 of a request", every.p50_ms, "ms"),
            Figure::new(
                "requests of 512 spans, as fast as they are taken",
                fast,
                "a second",
            ),
        ],
        tables: vec![each(every)],
    })
}

/// What each detector takes.
fn each(measured: &Measured) -> Table {
    let cells = |(name, cost): (&String, &f64)| vec![name.clone(), format!("{cost:.0}")];
    Table {
        name: "detectors",
        head: vec!["detector", "ns a span"],
        rows: measured.detectors.iter().map(cells).collect(),
        is_printed: true,
    }
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

/// What was measured of an app.
#[derive(Clone, Default)]
struct Measured {
    cpu_ms: f64,
    p50_ms: f64,
    /// Nanoseconds a span of each detector.
    detectors: BTreeMap<String, f64>,
}

impl Measured {
    /// Keeps what is less in another round.
    fn keep_less(&mut self, other: Self) {
        if self.cpu_ms == 0.0 {
            *self = other;
            return;
        }
        self.cpu_ms = self.cpu_ms.min(other.cpu_ms);
        self.p50_ms = self.p50_ms.min(other.p50_ms);
        for (name, cost) in other.detectors {
            self.detectors
                .entry(name)
                .and_modify(|known| *known = known.min(cost))
                .or_insert(cost);
        }
    }

    /// Nanoseconds a span of all detectors together.
    fn a_span(&self) -> Result<f64> {
        ensure!(
            !self.detectors.is_empty(),
            "the app told nothing of its detectors"
        );
        Ok(self.detectors.values().sum())
    }
}

/// An app, and where to send to.
struct Running {
    app: AppProcess,
    _s3: S3Server,
    bucket: TestBucket,
    target: Target,
}

fn start(manifest: &Path, folder: &Path) -> Result<Running> {
    let s3 = S3Server::start(folder)?;
    let app = AppProcess::start(manifest, &variables(&s3.settings()))?;
    Ok(Running {
        target: Target {
            http: app.address,
            grpc: app.address,
            key: Some(ingest_key("default")?),
        },
        bucket: TestBucket::of(&s3.settings())?,
        app,
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

fn measure(manifest: &Path, folder: &Path) -> Result<Measured> {
    let running = start(manifest, folder)?;
    // An instance leads by then, and sessions are open.
    drive(&running.target, &load(Some(PACE)), Duration::from_secs(3))?;
    std::thread::sleep(UNTIL_COMMITTED);
    let before = running.app.cpu_seconds()?;
    let answered = drive(&running.target, &load(Some(PACE)), TIME)?;
    std::thread::sleep(UNTIL_COMMITTED);
    let after = running.app.cpu_seconds()?;
    ensure!(
        answered.refused == 0,
        "{} requests were refused",
        answered.refused
    );
    let requests = answered.latencies_us.len() as f64;
    Ok(Measured {
        cpu_ms: (after - before) * 1e3 / requests,
        p50_ms: answered.quantile_ms(0.5),
        detectors: costs::nanoseconds_a_row(&running.app.end()?),
    })
}

/// Requests a second, all of them in the bucket.
fn throughput(manifest: &Path, folder: &Path) -> Result<f64> {
    let running = start(manifest, folder)?;
    drive(&running.target, &load(None), Duration::from_secs(2))?;
    let before = running.bucket.keys("segments/")?.len();
    let begun = Instant::now();
    let answered = drive(&running.target, &load(None), FAST)?;
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

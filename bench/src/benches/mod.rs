//! The measurements.

mod crossing;
mod detectors;
mod edge;
mod ingest;
mod lines;
mod lookup;
mod neighbours;
mod redact;
mod sandbox;
mod scan;
mod spin;
mod trainticket;
mod up;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aia::runtime::{CompilerConfig, Plugin, Runtime, RuntimeConfig};
use anyhow::{Context, Result};

use crate::result::Outcome;

pub use spin::serve_spin_app;

/// Rows in the requests that are measured with, unless a measurement says otherwise.
const ROWS: f64 = 512.0;

/// What measurements need to know.
#[derive(Debug)]
pub struct Setting {
    /// The `aia` program.
    pub aia: PathBuf,
    /// Recorded faults.
    pub data: PathBuf,
    /// Where results go; also folders whose files have to lie on a disk, and what is fetched.
    pub out: PathBuf,
    /// What `cargo xtask edge` built, for `edge`.
    pub edge: Option<PathBuf>,
    /// What `cargo xtask spin` built, for `spin`.
    pub spin: Option<PathBuf>,
    /// How long a round of a server takes; none for as long as the measurement wants.
    pub round: Option<Duration>,
}

/// A measurement.
#[derive(Debug)]
pub struct Bench {
    /// What it is called by.
    pub name: &'static str,
    /// What it measures.
    pub about: &'static str,
    /// Measures.
    pub run: fn(&Setting) -> Result<Outcome>,
}

/// All measurements.
pub const BENCHES: &[Bench] = &[
    Bench {
        name: "scan",
        about: "protobuf to columns, against prost's decode of the same bytes",
        run: |_| scan::run(),
    },
    Bench {
        name: "redact",
        about: "looking for secrets, as a share of taking a request in",
        run: |_| redact::run(),
    },
    Bench {
        name: "sandbox",
        about: "from bytes to signals with `errors` in Wasm, against the same source natively",
        run: |_| sandbox::run(),
    },
    Bench {
        name: "crossing",
        about: "what it costs to hand telemetry to a plugin that does next to nothing",
        run: |_| crossing::run(),
    },
    Bench {
        name: "detectors",
        about: "what each detector costs a row, and its memory over ten million rows",
        run: |_| detectors::run(),
    },
    Bench {
        name: "lookup",
        about: "a trace looked up among 10,000 segments",
        run: |_| lookup::run(),
    },
    Bench {
        name: "up",
        about: "from exec to ready with a warm cache, and memory when idle",
        run: up::run,
    },
    Bench {
        name: "ingest",
        about: "from request to committed detection, against a collector with a black hole behind it",
        run: ingest::run,
    },
    Bench {
        name: "neighbours",
        about: "one tenant's flood against the time to answer another",
        run: neighbours::run,
    },
    Bench {
        name: "edge",
        about: "the Worker in workerd: processor time a request, with detectors and without",
        run: edge::run,
    },
    Bench {
        name: "spin",
        about: "the Spin app: size, instantiation, what plugins cost a span, requests a second",
        run: spin::run,
    },
    Bench {
        name: "trainticket",
        about: "recorded faults: are they found, and laid where they were injected",
        run: trainticket::run,
    },
];

/// Loads a first-party plugin, compiled in this process.
fn load(name: &str, component: &[u8]) -> Result<Arc<Plugin>> {
    let runtime =
        Runtime::new(RuntimeConfig::new(CompilerConfig::InProcess)).context("starting the runtime")?;
    runtime
        .load(name, component)
        .with_context(|| format!("loading {name}"))
}

/// Rows of earlier segments: all that the measurements hand over have this many.
fn any_row(_segment: u64) -> Option<u32> {
    Some(512)
}

//! A running Rotel: an OTLP collector in Rust, which AIA compares itself with. It receives into a black hole here, so
//! all that it does is decode and batch.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::Process;
use crate::load::Target;

/// The version that is measured, from the Python package index, whose wheel holds the program.
pub(crate) const VERSION: &str = "0.0.1a15";

/// How long it may take to listen.
const READY: Duration = Duration::from_secs(20);

/// Finds the program in a cache, or fetches it.
pub(crate) fn fetch(cache: &Path) -> Result<PathBuf> {
    let folder = cache.join(format!("rotel-{VERSION}"));
    if let Some(program) = find(&folder) {
        return Ok(program);
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(&folder))
        .context("making a virtual environment for Rotel; it takes Python 3 with `venv`")?;
    run(Command::new(folder.join("bin/python"))
        .args(["-m", "pip", "install", "--quiet", "--no-input"])
        .args(["--disable-pip-version-check", "--only-binary", ":all:"])
        .arg(format!("rotel=={VERSION}")))
    .context("fetching Rotel")?;
    find(&folder).context("Rotel's package has no program")
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.with_context(|| format!("starting {}", command.get_program().display()))?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
}

/// `lib/python3.X/site-packages/rotel/rotel-agent`, whatever X is.
fn find(folder: &Path) -> Option<PathBuf> {
    let versions = fs::read_dir(folder.join("lib")).ok()?;
    versions
        .filter_map(Result::ok)
        .map(|version| version.path().join("site-packages/rotel/rotel-agent"))
        .find(|program| program.is_file())
}

/// A running Rotel, ended when dropped.
pub(crate) struct Rotel {
    pub(crate) process: Process,
    http: SocketAddr,
    grpc: SocketAddr,
}

impl Rotel {
    /// Starts it with a black hole behind it. What it logs is kept in the folder.
    pub(crate) fn start(program: &Path, folder: &Path) -> Result<Self> {
        let (http, grpc) = (free_address()?, free_address()?);
        let log = folder.join("rotel.out");
        let log = fs::File::create(&log).with_context(|| format!("creating {}", log.display()))?;
        let mut command = Command::new(program);
        command.args(["start", "--exporter", "blackhole"]);
        command.args(["--otlp-http-endpoint", &http.to_string()]);
        command.args(["--otlp-grpc-endpoint", &grpc.to_string()]);
        command.arg("--pid-file").arg(folder.join("rotel.pid"));
        command.arg("--log-file").arg(folder.join("rotel.log"));
        let err = log.try_clone().context("keeping what Rotel logs")?;
        let mut process = Process::start("Rotel", command.stdout(log).stderr(err))?;
        let started = Instant::now();
        while TcpStream::connect(http).is_err() || TcpStream::connect(grpc).is_err() {
            if !process.is_running() || started.elapsed() > READY {
                bail!("Rotel doesn't listen; {} says why", folder.display());
            }
            sleep(Duration::from_millis(20));
        }
        Ok(Self { process, http, grpc })
    }

    pub(crate) fn target(&self) -> Target {
        Target {
            http: self.http,
            grpc: self.grpc,
            key: None,
        }
    }
}

/// An address that is free now; Rotel can't be asked which one it took.
fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").context("looking for a free port")?;
    Ok(listener.local_addr()?)
}

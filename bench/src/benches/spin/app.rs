//! The Spin app in a process of its own, so that its processor time is the app's alone: this program, started again.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use aia_tests::spin::{Compiled, Reuse, SpinApp};
use anyhow::{Context, Result, ensure};

use crate::server::cpu_seconds;

/// How this program is told to be the app.
const FLAG: &str = "--spin-app";

/// Is the app of that manifest: with the variables of one line of standard input, until that ends. Prints the app's
/// address, and at the end what the app logged.
///
/// # Errors
/// If the app doesn't start.
pub fn serve_spin_app(manifest: &Path) -> Result<()> {
    let mut input = std::io::stdin().lines();
    let line = input.next().context("no variables")??;
    let variables: BTreeMap<String, String> = serde_json::from_str(&line)?;
    let compiled = Compiled::optimised(manifest, true)?;
    let app = SpinApp::start_with(compiled, variables, Reuse::default())?;
    println!("{}", app.url());
    std::io::stdout().flush()?;
    while input.next().transpose()?.is_some() {}
    print!("{}", app.log());
    Ok(())
}

/// Such a process; ended when dropped.
pub(super) struct AppProcess {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    pub(super) address: SocketAddr,
}

impl AppProcess {
    pub(super) fn start(manifest: &Path, variables: &BTreeMap<String, String>) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(FLAG)
            .arg(manifest)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting the app")?;
        let mut input = child.stdin.take().context("the app has no stdin")?;
        let output = child.stdout.take().context("the app has no stdout")?;
        writeln!(input, "{}", serde_json::to_string(variables)?)?;
        let mut app = Self {
            child,
            input: Some(input),
            output: BufReader::new(output),
            // Until it says.
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
        };
        let mut line = String::new();
        app.output.read_line(&mut line)?;
        let address = line.trim().trim_start_matches("http://");
        app.address = address
            .parse()
            .with_context(|| format!("the app's address: {address:?}"))?;
        Ok(app)
    }

    /// Processor time so far.
    pub(super) fn cpu_seconds(&self) -> Result<f64> {
        cpu_seconds(&self.child.id().to_string())
    }

    /// Ends it, and gives what it logged.
    pub(super) fn end(mut self) -> Result<String> {
        drop(self.input.take());
        let mut log = String::new();
        self.output.read_to_string(&mut log)?;
        let status = self.child.wait()?;
        ensure!(status.success(), "the app ended with {status}");
        Ok(log)
    }
}

impl Drop for AppProcess {
    fn drop(&mut self) {
        drop(self.input.take());
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

//! A running `aia up`.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Process;
use crate::load::Target;

/// How often it is asked whether detectors have caught up.
const LOOK: Duration = Duration::from_millis(10);

/// How long detectors may take to catch up.
const CATCH_UP: Duration = Duration::from_secs(120);

/// A running `aia`, ended when dropped.
pub(crate) struct Aia {
    pub(crate) process: Process,
    until_ready: Duration,
    program: PathBuf,
    data: PathBuf,
    ready: Value,
}

impl Aia {
    /// Starts it on ports of its own, with every built-in plugin. What it logs is kept beside the data folder.
    pub(crate) fn start(program: &Path, data: &Path) -> Result<Self> {
        let log = data.with_extension("log");
        let log = fs::File::create(&log).with_context(|| format!("creating {}", log.display()))?;
        let started = Instant::now();
        let mut command = Command::new(program);
        command.args(["up", "--json", "--data"]).arg(data);
        command.args(["--otlp-http", "127.0.0.1:0", "--otlp-grpc", "127.0.0.1:0"]);
        command.args(["--api", "127.0.0.1:0"]);
        let mut process = Process::start("aia", command.stdout(Stdio::piped()).stderr(log))?;
        let mut line = String::new();
        BufReader::new(process.stdout()?)
            .read_line(&mut line)
            .context("waiting for aia to be ready")?;
        let until_ready = started.elapsed();
        ensure!(
            line.contains("\"ready\":true"),
            "aia wasn't ready but said: {line:?}"
        );
        Ok(Self {
            process,
            until_ready,
            program: program.to_owned(),
            data: data.to_owned(),
            ready: serde_json::from_str(&line).context("reading what aia said")?,
        })
    }

    /// From exec to listening.
    pub(crate) fn until_ready(&self) -> Duration {
        self.until_ready
    }

    /// Where it takes telemetry, with the key of the first start.
    pub(crate) fn target(&self) -> Result<Target> {
        Ok(Target {
            http: self.address("otlp_http")?,
            grpc: self.address("otlp_grpc")?,
            key: Some(self.said("ingest_key")?.to_owned()),
        })
    }

    /// The same with a key of another tenant.
    pub(crate) fn target_of(&self, tenant: &str) -> Result<Target> {
        let output = Command::new(&self.program)
            .args(["key", "create", "--json", "--tenant", tenant, "--data"])
            .arg(&self.data)
            .output()
            .context("starting `aia key create`")?;
        ensure!(
            output.status.success(),
            "no key was made: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let made: Value = serde_json::from_slice(&output.stdout).context("reading the key")?;
        let key = made.get("ingest_key").and_then(Value::as_str);
        Ok(Target {
            key: Some(key.context("no key was made")?.to_owned()),
            ..self.target()?
        })
    }

    /// Waits until every detector has committed every segment that was acknowledged before.
    pub(crate) fn committed(&self) -> Result<()> {
        let plugins: Value =
            serde_json::from_str(&self.get("/api/v1/plugins")?).context("reading plugins")?;
        let plugins = plugins.get("plugins").and_then(Value::as_array);
        let detectors = plugins.into_iter().flatten().filter(|plugin| {
            let kind = plugin.get("kind").and_then(Value::as_str);
            kind == Some("detector")
        });
        let detectors = detectors.count();
        ensure!(detectors > 0, "aia runs no detector");
        let started = Instant::now();
        loop {
            let metrics = self.get("/metrics")?;
            let acknowledged = of(&metrics, "aia_journal_synced_segments_total");
            let acknowledged = acknowledged.first().copied().unwrap_or_default();
            let committed = of(&metrics, "aia_session_committed_segments_total");
            if committed.len() == detectors && committed.iter().all(|committed| *committed >= acknowledged) {
                return Ok(());
            }
            ensure!(
                started.elapsed() < CATCH_UP,
                "detectors committed {committed:?} of {acknowledged} segments in {CATCH_UP:?}"
            );
            sleep(LOOK);
        }
    }

    fn get(&self, path: &str) -> Result<String> {
        let api = self.address("api")?;
        let mut stream = TcpStream::connect(api).context("connecting to the API")?;
        let token = self.said("operator_token")?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nhost: {api}\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
        )
        .with_context(|| format!("asking for {path}"))?;
        let mut answer = String::new();
        stream
            .read_to_string(&mut answer)
            .with_context(|| format!("reading {path}"))?;
        let body = answer.split_once("\r\n\r\n");
        ensure!(
            answer.starts_with("HTTP/1.1 200 "),
            "{path} was refused: {answer:.200}"
        );
        Ok(body.map(|(_, body)| body.to_owned()).unwrap_or_default())
    }

    fn said(&self, field: &str) -> Result<&str> {
        let said = self.ready.get(field).and_then(Value::as_str);
        said.with_context(|| format!("aia named no {field}"))
    }

    fn address(&self, field: &str) -> Result<SocketAddr> {
        let said = self.said(field)?;
        said.trim_start_matches("http://")
            .parse()
            .with_context(|| format!("{field} is {said}"))
    }

    /// Ends it in order.
    pub(crate) fn stop(self) -> Result<()> {
        self.process.stop()
    }
}

/// The values of a metric, whatever its labels.
fn of(metrics: &str, name: &str) -> Vec<f64> {
    let value = |line: &str| {
        let rest = line.strip_prefix(name)?;
        let value = match rest.strip_prefix('{') {
            Some(labelled) => labelled.rsplit_once('}')?.1,
            None => rest,
        };
        value.strip_prefix(' ')?.parse().ok()
    };
    metrics.lines().filter_map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_read_whatever_their_labels() {
        let metrics =
            "# TYPE a counter\na_total 7\na_total_more 8\nb_total{plugin=\"x\"} 1\nb_total{plugin=\"y\"} 2\n";
        assert_eq!(of(metrics, "a_total"), [7.0]);
        assert_eq!(of(metrics, "b_total"), [1.0, 2.0]);
        assert!(of(metrics, "c_total").is_empty());
    }
}

//! A running `aia`, killed when the test ends.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::Value;

/// Longest start on a busy machine, compiling the built-in plugins included.
const READY_WITHIN: Duration = Duration::from_secs(120);

use crate::ready;
pub use crate::stored::Telemetry;
use crate::stored::stored;

/// An answer over HTTP.
#[derive(Debug)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl Answer {
    fn read(mut response: http::Response<ureq::Body>) -> Result<Self> {
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()))
            .collect();
        Ok(Self {
            status: response.status().as_u16(),
            headers,
            body: response.body_mut().read_to_vec()?,
        })
    }

    /// Posts a body to an address.
    ///
    /// # Errors
    /// If it can't be sent: nobody listens, or the connection broke.
    pub fn post(url: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Self> {
        let mut request = agent().post(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Self::read(request.send(body)?)
    }

    /// Gets an address.
    ///
    /// # Errors
    /// If nobody listens, or the connection broke.
    pub fn get(url: &str) -> Result<Self> {
        Self::read(agent().get(url).call()?)
    }

    /// A header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }
}

/// A running `aia up`.
pub struct Host {
    child: Child,
    data: PathBuf,
    /// Further flags of `aia up`.
    flags: Vec<String>,
    /// Its environment.
    environment: Vec<(String, String)>,
    /// What it printed when it was ready.
    ready: Value,
    ingest_key: String,
    token: String,
}

impl Host {
    /// Starts `aia up` on a folder; key and token are made by the first start in it.
    ///
    /// # Errors
    /// If it doesn't become ready.
    pub fn start(data: &Path) -> Result<Self> {
        Self::start_with(data, &[])
    }

    /// Starts `aia up` with further flags.
    ///
    /// # Errors
    /// If it doesn't become ready.
    pub fn start_with(data: &Path, flags: &[&str]) -> Result<Self> {
        Self::start_in(data, flags, &[])
    }

    /// Starts `aia up` with further flags in an environment of nothing but these variables.
    ///
    /// # Errors
    /// If it doesn't become ready.
    pub fn start_in(data: &Path, flags: &[&str], environment: &[(&str, &str)]) -> Result<Self> {
        let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let environment: Vec<(String, String)> = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let (child, ready) = spawn(data, ["127.0.0.1:0"; 3], &flags, &environment)?;
        let text = |name: &str| {
            ready[name]
                .as_str()
                .map(str::to_owned)
                .with_context(|| format!("no {name} in {ready}"))
        };
        Ok(Self {
            ingest_key: text("ingest_key")?,
            token: text("operator_token")?,
            child,
            data: data.to_owned(),
            flags,
            environment,
            ready,
        })
    }

    /// Kills it with SIGKILL and starts it again on the same folder and ports, as a supervisor would.
    ///
    /// # Errors
    /// If it doesn't become ready again.
    pub fn kill_and_restart(&mut self) -> Result<()> {
        self.kill()?;
        let address = |name: &str| -> Result<String> {
            let url = self.ready[name].as_str().with_context(|| format!("no {name}"))?;
            url.strip_prefix("http://")
                .map(str::to_owned)
                .with_context(|| format!("{url} is no http address"))
        };
        let addresses = [address("otlp_http")?, address("otlp_grpc")?, address("api")?];
        (self.child, self.ready) = spawn(
            &self.data,
            addresses.each_ref().map(String::as_str),
            &self.flags,
            &self.environment,
        )?;
        ensure!(
            self.ready["ingest_key"].is_null(),
            "a later start must not make another key: {}",
            self.ready
        );
        Ok(())
    }

    /// Kills it with SIGKILL.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to end, as a supervisor does before it kills, and waits until it has.
    ///
    /// # Errors
    /// If it can't be asked, or doesn't end with 0.
    pub fn stop(&mut self) -> Result<()> {
        let asked = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status()?;
        ensure!(asked.success(), "kill: {asked}");
        let status = self.child.wait()?;
        ensure!(status.success(), "`aia up` ended with {status}");
        Ok(())
    }

    /// Its data folder.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.data.join("data")
    }

    /// Sends an OTLP request of traces as protobuf; gives the status.
    ///
    /// # Errors
    /// If it can't be sent: nobody listens, or the connection broke.
    pub fn send_traces(&self, body: &[u8]) -> Result<u16> {
        self.sender().send_traces(body)
    }

    /// A client with connections of its own, for a thread.
    #[must_use]
    pub fn sender(&self) -> Sender {
        Sender {
            agent: agent(),
            url: format!("{}/v1/traces", self.otlp_http()),
            authorization: format!("Bearer {}", self.ingest_key),
        }
    }

    /// Posts to the OTLP/HTTP listener, with this host's ingest key unless `authorization` is among the headers.
    ///
    /// # Errors
    /// If it can't be sent: nobody listens, or the connection broke.
    pub fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer> {
        let key = format!("Bearer {}", self.ingest_key);
        let mut all = headers.to_vec();
        if !headers.iter().any(|(name, _)| *name == "authorization") {
            all.push(("authorization", &key));
        }
        Answer::post(&format!("{}{path}", self.otlp_http()), &all, body)
    }

    /// Gets a path of the OTLP/HTTP listener, which takes POST alone.
    ///
    /// # Errors
    /// If it can't be sent.
    pub fn get_otlp(&self, path: &str) -> Result<Answer> {
        let request = agent().get(format!("{}{path}", self.otlp_http()));
        let key = format!("Bearer {}", self.ingest_key);
        Answer::read(request.header("authorization", &key).call()?)
    }

    /// URL of the OTLP/HTTP listener.
    #[must_use]
    pub fn otlp_http(&self) -> &str {
        self.ready["otlp_http"].as_str().unwrap_or_default()
    }

    /// URL of the OTLP/gRPC listener.
    #[must_use]
    pub fn otlp_grpc(&self) -> &str {
        self.ready["otlp_grpc"].as_str().unwrap_or_default()
    }

    /// The ingest key that the first start made.
    #[must_use]
    pub fn ingest_key(&self) -> &str {
        &self.ingest_key
    }

    /// Its process.
    #[must_use]
    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// The most memory that it ever had resident, in bytes.
    ///
    /// # Errors
    /// If the system doesn't tell.
    pub fn peak_memory(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process_id()))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .context("no VmHWM")?;
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kibibytes << 10)
    }

    /// What it has stored of the default project, by signal.
    ///
    /// # Errors
    /// If the folder can't be read.
    pub fn stored(&self) -> Result<Telemetry> {
        stored(&self.data.join("data"))
    }

    /// A sample of `/metrics`, such as `aia_ingest_rows_total{signal="traces"}`; 0 if there is none yet.
    ///
    /// # Errors
    /// If the API doesn't answer.
    pub fn metric(&self, sample: &str) -> Result<u64> {
        let url = format!("{}/metrics", self.ready["api"].as_str().unwrap_or_default());
        let mut response = agent()
            .get(&url)
            .header("authorization", &format!("Bearer {}", self.token))
            .call()?;
        let text = response.body_mut().read_to_string()?;
        let value = text.lines().find_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            (name == sample).then_some(value)
        });
        Ok(value.map_or(Ok(0), str::parse)?)
    }

    /// Runs an `aia` command on the same data folder.
    ///
    /// # Errors
    /// If it fails.
    pub fn command(&self, arguments: &[&str]) -> Result<String> {
        let output = Command::new(binary()?)
            .args(arguments)
            .arg("--data")
            .arg(self.data.join("data"))
            .env_clear()
            .output()?;
        ensure!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Gets a path of the API as JSON.
    ///
    /// # Errors
    /// If the answer isn't 200 with JSON.
    pub fn get(&self, path: &str) -> Result<Value> {
        let url = format!("{}{path}", self.ready["api"].as_str().unwrap_or_default());
        let mut response = agent()
            .get(&url)
            .header("authorization", &format!("Bearer {}", self.token))
            .call()?;
        ensure!(response.status() == 200, "{path}: {}", response.status());
        Ok(serde_json::from_str(&response.body_mut().read_to_string()?)?)
    }

    /// All incidents.
    ///
    /// # Errors
    /// If the API doesn't answer.
    pub fn incidents(&self) -> Result<Vec<Value>> {
        let body = self.get("/api/v1/incidents")?;
        body["incidents"]
            .as_array()
            .cloned()
            .ok_or_else(|| anyhow!("no incidents in {body}"))
    }

    /// Waits until there is an incident.
    ///
    /// # Errors
    /// If there is none after `within`.
    pub fn wait_for_incident(&self, within: Duration) -> Result<Value> {
        let deadline = Instant::now() + within;
        loop {
            if let Some(incident) = self.incidents()?.into_iter().next() {
                return Ok(incident);
            }
            ensure!(Instant::now() < deadline, "no incident within {within:?}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

/// A client that sends telemetry.
#[derive(Clone)]
pub struct Sender {
    agent: ureq::Agent,
    url: String,
    authorization: String,
}

impl Sender {
    /// The `Authorization` header that it sends.
    #[must_use]
    pub fn authorization(&self) -> String {
        self.authorization.clone()
    }

    /// The same with another `Authorization` header.
    #[must_use]
    pub fn with_authorization(self, authorization: String) -> Self {
        Self {
            authorization,
            ..self
        }
    }

    /// As [`Host::send_traces`].
    ///
    /// # Errors
    /// As [`Host::send_traces`].
    pub fn send_traces(&self, body: &[u8]) -> Result<u16> {
        let response = self
            .agent
            .post(&self.url)
            .header("content-type", "application/x-protobuf")
            .header("authorization", &self.authorization)
            .send(body)?;
        Ok(response.status().as_u16())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // It may be dead already.
        let _ = self.kill();
    }
}

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(30)));
    config.build().into()
}

/// The `aia` that was built beside the running test.
///
/// # Errors
/// If it wasn't built.
pub fn binary() -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let folder = test
        .parent()
        .and_then(Path::parent)
        .context("a test lies two folders deep")?;
    let binary = folder.join("aia");
    ensure!(
        binary.exists(),
        "{} isn't built: run the tests of the whole workspace, or `cargo build -p aia`",
        binary.display()
    );
    Ok(binary)
}

fn spawn(
    data: &Path,
    [otlp_http, otlp_grpc, api]: [&str; 3],
    flags: &[String],
    environment: &[(String, String)],
) -> Result<(Child, Value)> {
    let log = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(data.join("aia.log"))?;
    let mut child = Command::new(binary()?)
        .args([
            "up",
            "--json",
            "--otlp-http",
            otlp_http,
            "--otlp-grpc",
            otlp_grpc,
            "--api",
            api,
            "--data",
        ])
        .arg(data.join("data"))
        .args(flags)
        .env_clear()
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()?;
    let ready = ready::read(&mut child, "`aia up`", READY_WITHIN, &data.join("aia.log"))?;
    Ok((child, ready))
}

//! AIA as the demo sees it: a program to start, and its API.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use ureq::Agent;

use crate::demo::process::Process;
use crate::demo::text;
use crate::interrupt::wait_for;
use crate::step::Step;

/// How long AIA may take to be ready: the first start compiles the plugins.
const UNTIL_READY: Duration = Duration::from_secs(60);
/// For every call of the API.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// A running AIA.
#[derive(Debug)]
pub(crate) struct Aia {
    program: PathBuf,
    data: PathBuf,
    logs: PathBuf,
    process: Process,
    starts: u32,
    addresses: Addresses,
    ingest_key: String,
    operator_token: String,
    agent: Agent,
}

/// URLs of its listeners.
#[derive(Debug)]
struct Addresses {
    otlp_http: String,
    otlp_grpc: String,
    api: String,
}

/// What a list of incidents says of one.
#[derive(Clone, Debug)]
pub(crate) struct Incident {
    pub(crate) id: String,
    title: String,
    service: String,
}

impl Aia {
    /// Starts it with fresh data on free ports.
    pub(crate) fn start(program: &Path, data: &Path, folder: &Path, logs: &Path) -> Result<Self> {
        ensure!(!data.exists(), "{} isn't fresh", data.display());
        let process = launch(program, data, logs, "aia", &["127.0.0.1:0"; 3])?;
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(CALL_TIMEOUT))
            .build()
            .new_agent();
        let mut aia = Self {
            program: program.to_owned(),
            data: data.to_owned(),
            logs: logs.to_owned(),
            process,
            starts: 1,
            addresses: Addresses {
                otlp_http: String::new(),
                otlp_grpc: String::new(),
                api: String::new(),
            },
            ingest_key: String::new(),
            operator_token: String::new(),
            agent,
        };
        let ready = aia
            .process
            .ready(UNTIL_READY)
            .with_context(|| format!("starting AIA in {}", folder.display()))?;
        let field = |name: &str| -> Result<String> {
            let value = ready.get(name).and_then(Value::as_str);
            Ok(value
                .with_context(|| format!("the line of `aia up --json` has no {name}"))?
                .to_owned())
        };
        aia.addresses = Addresses {
            otlp_http: field("otlp_http")?,
            otlp_grpc: field("otlp_grpc")?,
            api: field("api")?,
        };
        aia.ingest_key = field("ingest_key")?;
        aia.operator_token = field("operator_token")?;
        Ok(aia)
    }

    /// `kill -9`, and a start with the same data on the same ports.
    pub(crate) fn kill_and_restart(&mut self) -> Result<()> {
        self.process.kill()?;
        self.starts += 1;
        let Addresses {
            otlp_http,
            otlp_grpc,
            api,
        } = &self.addresses;
        let listeners = [otlp_http, otlp_grpc, api].map(|url| url.trim_start_matches("http://"));
        let name = format!("aia-{}", self.starts);
        self.process = launch(&self.program, &self.data, &self.logs, &name, &listeners)?;
        self.process
            .ready(UNTIL_READY)
            .context("starting AIA again after kill -9")?;
        Ok(())
    }

    /// URL for OTLP over HTTP.
    pub(crate) fn otlp(&self) -> &str {
        &self.addresses.otlp_http
    }

    /// URL of the API.
    pub(crate) fn api(&self) -> &str {
        &self.addresses.api
    }

    /// What applications send with their telemetry.
    pub(crate) fn ingest_key(&self) -> &str {
        &self.ingest_key
    }

    /// Fails if it has ended.
    pub(crate) fn check_alive(&mut self) -> Result<()> {
        self.process.check_alive()
    }

    /// All incidents, open or not.
    pub(crate) fn incidents(&self) -> Result<Vec<Incident>> {
        let page = self.get("/api/v1/incidents?limit=100")?;
        let incidents = page
            .get("incidents")
            .and_then(Value::as_array)
            .context("the list has no `incidents`")?;
        incidents
            .iter()
            .map(|incident| {
                let field = |name: &str| {
                    incident
                        .get(name)
                        .and_then(Value::as_str)
                        .unwrap_or_default()
                        .to_owned()
                };
                ensure!(!field("id").is_empty(), "an incident has no id: {incident}");
                Ok(Incident {
                    id: field("id"),
                    title: field("title"),
                    service: field("service"),
                })
            })
            .collect()
    }

    /// An answer of the API. Nothing in the demo is so urgent that a call can't be repeated for some seconds.
    pub(crate) fn get(&self, path: &str) -> Result<Value> {
        let url = format!("{}{path}", self.addresses.api);
        let mut last = None;
        let answer = wait_for(CALL_TIMEOUT, || {
            let sent = self
                .agent
                .get(&url)
                .header("authorization", format!("Bearer {}", self.operator_token))
                .call();
            match sent {
                Ok(answer) => Ok(Some(answer)),
                Err(error) => {
                    last = Some(error);
                    Ok(None)
                }
            }
        })?;
        let Some(mut answer) = answer else {
            bail!(
                "GET {url}: {}",
                last.map_or_else(|| "no answer".to_owned(), |error| error.to_string())
            );
        };
        let status = answer.status();
        let body = answer
            .body_mut()
            .read_to_string()
            .with_context(|| format!("GET {url}"))?;
        ensure!(status.is_success(), "GET {url} answered {status}: {body}");
        serde_json::from_str(&body).with_context(|| format!("GET {url} answered no JSON"))
    }

    /// `aia report`, into `file`.
    pub(crate) fn write_report(&self, incident: &str, file: &Path) -> Result<()> {
        let mut command = std::process::Command::new(&self.program);
        command
            .args(["report", incident, "-o", &text(file), "--data", &text(&self.data)])
            .current_dir(&self.logs);
        Step::new("report").run(&mut command)
    }
}

fn launch(program: &Path, data: &Path, logs: &Path, name: &str, listeners: &[&str; 3]) -> Result<Process> {
    let [otlp_http, otlp_grpc, api] = *listeners;
    let data = text(data);
    let arguments = [
        "up",
        "--json",
        "--data",
        &data,
        "--otlp-http",
        otlp_http,
        "--otlp-grpc",
        otlp_grpc,
        "--api",
        api,
    ];
    Process::start(name, program, &arguments, &[], logs)
}

/// Incidents in one line.
pub(crate) fn brief(incidents: &[Incident]) -> String {
    let each = incidents
        .iter()
        .map(|Incident { id, title, service }| format!("{id} at {service}: {title}"));
    each.collect::<Vec<_>>().join("; ")
}

//! The shop of the demo: four processes, and the customers, which are a fifth.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::demo::process::Process;

/// What the shop runs at first.
pub(crate) const GOOD_RELEASE: &str = "1.4.2";
/// What payment is released as then.
pub(crate) const FAULTY_RELEASE: &str = "2.0.0";
/// Requests of customers per second.
const RATE: &str = "20";
/// How long a service may take to listen.
const UNTIL_READY: Duration = Duration::from_secs(20);
/// How long the SDK collects before it sends, in milliseconds: short, so that the demo is.
const BATCH_DELAY_MS: &str = "1000";

/// The running shop.
#[derive(Debug)]
pub(crate) struct Shop {
    program: PathBuf,
    logs: PathBuf,
    environment: Vec<(&'static str, String)>,
    payment: Service,
    /// Never empty: the gateway is the last.
    others: Vec<Service>,
    /// Processes of customers so far.
    crowds: u32,
}

#[derive(Debug)]
struct Service {
    process: Process,
    url: String,
}

impl Shop {
    /// Starts all services, exporting to `endpoint` with that ingest key.
    pub(crate) fn open(program: &Path, logs: &Path, endpoint: &str, ingest_key: &str) -> Result<Self> {
        let environment = vec![
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.to_owned()),
            (
                "OTEL_EXPORTER_OTLP_HEADERS",
                format!("authorization=Bearer%20{ingest_key}"),
            ),
            ("OTEL_BSP_SCHEDULE_DELAY", BATCH_DELAY_MS.to_owned()),
            ("OTEL_BLRP_SCHEDULE_DELAY", BATCH_DELAY_MS.to_owned()),
            ("OTEL_METRIC_EXPORT_INTERVAL", "2000".to_owned()),
        ];
        let start = |name: &str, upstreams: &[(&str, &Service)]| {
            let mut arguments = vec![
                "--service".to_owned(),
                name.to_owned(),
                "--release".to_owned(),
                GOOD_RELEASE.to_owned(),
            ];
            for (name, service) in upstreams {
                arguments.extend(["--upstream".to_owned(), format!("{name}={}", service.url)]);
            }
            Service::start(name, program, &arguments, &environment, logs)
        };
        let inventory = start("inventory", &[])?;
        let payment = start("payment", &[])?;
        let checkout = start("checkout", &[("inventory", &inventory), ("payment", &payment)])?;
        let gateway = start("gateway", &[("inventory", &inventory), ("checkout", &checkout)])?;
        Ok(Self {
            program: program.to_owned(),
            logs: logs.to_owned(),
            payment,
            others: vec![inventory, checkout, gateway],
            environment,
            crowds: 0,
        })
    }

    /// Replaces payment by another release, at the same address.
    pub(crate) fn release(&mut self, release: &str, fault: bool) -> Result<()> {
        let url = self.payment.url.clone();
        let address = url.trim_start_matches("http://").to_owned();
        self.payment.process.end()?;
        let mut arguments = vec!["--service", "payment", "--release", release, "--listen", &address];
        if fault {
            arguments.push("--fault");
        }
        let name = format!("payment-{release}");
        self.payment = Service::start(&name, &self.program, &arguments, &self.environment, &self.logs)?;
        Ok(())
    }

    /// Lets customers in for so long.
    pub(crate) fn customers(&mut self, duration: Duration) -> Result<Customers> {
        self.crowds += 1;
        let gateway = self.others.last().context("the shop has no gateway")?;
        let seconds = duration.as_secs().to_string();
        let arguments = [
            "load",
            "--target",
            &gateway.url,
            "--rate",
            RATE,
            "--seconds",
            &seconds,
        ];
        let name = format!("customers-{}", self.crowds);
        Ok(Customers {
            process: Process::start(&name, &self.program, &arguments, &[], &self.logs)?,
        })
    }

    /// Fails if a service has ended.
    pub(crate) fn check_alive(&mut self) -> Result<()> {
        self.payment.process.check_alive()?;
        self.others
            .iter_mut()
            .try_for_each(|service| service.process.check_alive())
    }
}

impl Service {
    fn start<A: AsRef<std::ffi::OsStr>>(
        name: &str,
        program: &Path,
        arguments: &[A],
        environment: &[(&str, String)],
        logs: &Path,
    ) -> Result<Self> {
        let mut process = Process::start(name, program, arguments, environment, logs)?;
        let ready = process.ready(UNTIL_READY)?;
        let url = ready
            .get("url")
            .and_then(Value::as_str)
            .with_context(|| format!("{name} says no url"))?;
        Ok(Self {
            url: url.to_owned(),
            process,
        })
    }
}

/// Customers, who leave by themselves when their time is over.
#[derive(Debug)]
pub(crate) struct Customers {
    process: Process,
}

/// What they were answered.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) requests: u64,
    pub(crate) served: u64,
    pub(crate) refused: u64,
    pub(crate) failed: u64,
    pub(crate) unanswered: u64,
}

impl Customers {
    /// Whether their time is over.
    pub(crate) fn have_left(&mut self) -> Result<bool> {
        Ok(self.process.status()?.is_some())
    }

    /// What they were answered, when they have left.
    pub(crate) fn tally(&self) -> Result<Tally> {
        let output = self.process.output()?;
        let tally: Value = serde_json::from_str(&output).context("reading the customers' tally")?;
        let count = |name: &str| {
            tally
                .get(name)
                .and_then(Value::as_u64)
                .with_context(|| format!("no {name} in {tally}"))
        };
        Ok(Tally {
            requests: count("requests")?,
            served: count("served")?,
            refused: count("refused")?,
            failed: count("failed")?,
            unanswered: count("unanswered")?,
        })
    }

    /// Sends them home before their time; what they were answered.
    pub(crate) fn stop(mut self) -> Result<Tally> {
        self.process.end()?;
        self.tally()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            requests,
            served,
            refused,
            failed,
            unanswered,
        } = self;
        write!(
            f,
            "{requests} requests: {served} served, {refused} refused, {failed} failed, {unanswered} unanswered"
        )
    }
}

//! The OpenTelemetry SDKs of Python, JavaScript and Rust, as they come from their registries: each exports one of
//! everything over each protocol that it has, and every value is found in what `aia` stored.

mod expect;
mod rust;

use std::process::{Command, Stdio};

use aia_tests::{Host, clients};
use anyhow::{Context, Result, ensure};

use expect::{Sent, assert_arrived};

/// Runs a client, which prints the id of its trace; gives that.
fn run(command: &mut Command, protocol: &str, host: &Host) -> Result<String> {
    let endpoint = if protocol == "grpc" {
        host.otlp_grpc()
    } else {
        host.otlp_http()
    };
    let output = command
        .args([protocol, endpoint, host.ingest_key()])
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("starting {command:?}"))?;
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    ensure!(output.status.success(), "{protocol}: {stdout}{stderr}");
    let trace = stdout.lines().find_map(|line| line.strip_prefix("trace "));
    Ok(trace
        .with_context(|| format!("no trace in {stdout}{stderr}"))?
        .to_owned())
}

#[test]
fn python() -> Result<()> {
    let interpreter = clients::python()?;
    let folder = tempfile::tempdir()?;
    let host = Host::start(folder.path())?;
    for protocol in ["http/protobuf", "grpc"] {
        let mut command = Command::new(&interpreter);
        let trace = run(command.arg(clients::source("python/client.py")), protocol, &host)?;
        let sent = Sent {
            protocol,
            trace: &trace,
            exception: "ValueError",
            frame: "client.py",
        };
        assert_arrived(&host.stored()?, &sent);
    }
    Ok(())
}

#[test]
fn javascript() -> Result<()> {
    let client = clients::javascript()?;
    let folder = tempfile::tempdir()?;
    let host = Host::start(folder.path())?;
    for protocol in ["http/protobuf", "http/json", "grpc"] {
        let mut command = Command::new("node");
        let trace = run(command.arg(&client), protocol, &host)?;
        let sent = Sent {
            protocol,
            trace: &trace,
            exception: "TypeError",
            frame: "client.js",
        };
        assert_arrived(&host.stored()?, &sent);
    }
    Ok(())
}

#[test]
fn rust() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let host = Host::start(folder.path())?;
    for protocol in ["http/protobuf", "http/json", "grpc"] {
        let trace = rust::export(protocol, &host)?;
        let sent = Sent {
            protocol,
            trace: &trace,
            exception: "client::WentWrong",
            frame: "rust.rs",
        };
        assert_arrived(&host.stored()?, &sent);
    }
    Ok(())
}

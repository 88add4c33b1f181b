//! `aia up` as a process of its own.

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use crate::support::send;

/// A host that is killed when the test is over, however it ends.
struct Aia(Child);

impl Drop for Aia {
    fn drop(&mut self) {
        // It may have ended already.
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

fn command(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aia"));
    command.env_clear().current_dir(data).arg("--data").arg(data);
    command
}

/// Starts it on free ports; gives what it says when it is ready.
fn up(data: &Path) -> (Aia, Value) {
    let any = "127.0.0.1:0";
    let mut child = command(data)
        .args([
            "up",
            "--json",
            "--otlp-http",
            any,
            "--otlp-grpc",
            any,
            "--api",
            any,
            "--log-format",
            "json",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let mut aia = Aia(child);
    let ready = serde_json::from_str(&line).unwrap_or_else(|error| {
        let mut log = String::new();
        aia.0.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        panic!("{error}: {line:?}\n{log}")
    });
    (aia, ready)
}

/// Sends a signal; gives the exit code and the log.
fn end(mut aia: Aia, signal: &str) -> (Option<i32>, String) {
    let pid = aia.0.id().to_string();
    assert!(
        Command::new("kill")
            .args([signal, &pid])
            .status()
            .unwrap()
            .success()
    );
    let mut log = String::new();
    aia.0.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    (aia.0.wait().unwrap().code(), log)
}

#[test]
fn the_first_start_makes_a_key_and_a_token_and_later_ones_do_not() {
    let data = tempfile::tempdir().unwrap();
    let (aia, ready) = up(data.path());
    assert_eq!(ready["ready"], true);
    assert_eq!(ready["pid"], aia.0.id());
    let (key, token) = (
        ready["ingest_key"].as_str().unwrap(),
        ready["operator_token"].as_str().unwrap(),
    );
    let (otlp, api) = (
        ready["otlp_http"].as_str().unwrap(),
        ready["api"].as_str().unwrap(),
    );
    let headers = [
        ("authorization", &*format!("Bearer {key}")),
        ("content-type", "application/json"),
    ];
    assert_eq!(
        send("POST", &format!("{otlp}/v1/traces"), &headers, b"{}").status,
        200
    );
    let headers = [("authorization", &*format!("Bearer {token}"))];
    assert_eq!(
        send("GET", &format!("{api}/api/v1/incidents"), &headers, b"").status,
        200
    );
    assert_eq!(send("GET", &format!("{api}/metrics"), &headers, b"").status, 200);
    assert_eq!(send("GET", &format!("{api}/readyz"), &[], b"").status, 200);
    // Commands work beside a host that is up.
    let listed = command(data.path())
        .args(["key", "list", "--json"])
        .output()
        .unwrap();
    assert!(
        String::from_utf8_lossy(&listed.stdout).contains(r#""name":"default""#),
        "{listed:?}"
    );

    let (code, log) = end(aia, "-TERM");
    assert_eq!(code, Some(0), "{log}");
    assert!(
        !log.contains(key) && !log.contains(token),
        "a secret is in the log"
    );
    for line in log.lines() {
        serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }

    let (aia, ready) = up(data.path());
    assert_eq!(
        (&ready["ingest_key"], &ready["operator_token"]),
        (&Value::Null, &Value::Null)
    );
    let headers = [("authorization", &*format!("Bearer {token}"))];
    let api = ready["api"].as_str().unwrap();
    assert_eq!(
        send("GET", &format!("{api}/api/v1/plugins"), &headers, b"").status,
        200
    );
    assert_eq!(end(aia, "-INT").0, Some(0));
}

#[test]
fn a_port_that_is_taken_is_a_clear_error() {
    let data = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = command(data.path())
        .args([
            "up",
            "--otlp-http",
            "127.0.0.1:0",
            "--otlp-grpc",
            "127.0.0.1:0",
            "--api",
            &address,
        ])
        .args(["--log-level", "off"])
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(1));
    assert_eq!(ended.stdout, b"");
    let message = String::from_utf8(ended.stderr)
        .unwrap()
        .replace(&address, "[address]");
    insta::assert_snapshot!(message, @r"
    error: cannot start the listeners
    cause: cannot listen on [address] (setting `listen.api`)
    cause: Address already in use (os error 98)
    help: is `aia up` running already? `--set listen.api=127.0.0.1:0` takes any free port
    ");
    // Nothing was made that nobody saw.
    let keys = command(data.path()).args(["key", "list"]).output().unwrap();
    assert_eq!(keys.stdout, b"No ingest keys.\n");
}

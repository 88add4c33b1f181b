//! The command line within the process: results, errors, exit codes, and text that came with telemetry.

use std::{
    ffi::OsString,
    io::{self, Write},
    path::Path,
    process::ExitCode,
    sync::{Arc, Mutex},
};

use aia::{
    cli::{Output, run},
    core::Host,
    server::{Backend, default_scope},
};

use crate::{api::put_incident, config::defaults_in, support::lock};

/// Text that tries to take over a terminal.
const HOSTILE: &str = "\x1b]0;owned\x07\x1b[2J\u{9b}31m\u{202e}evil\r\nforged line\t\u{200b}";

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&self.0).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Captured {
    fn text(&self) -> String {
        String::from_utf8(lock(&self.0).clone()).unwrap()
    }
}

#[derive(Debug)]
struct Ended {
    code: ExitCode,
    out: String,
    err: String,
}

impl Ended {
    fn succeeded(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (ExitCode::SUCCESS, ""));
        self.out
    }

    fn json(self) -> serde_json::Value {
        serde_json::from_str(&self.succeeded()).unwrap()
    }

    fn failed(self, code: u8) -> String {
        assert_eq!(
            (self.code, self.out.as_str()),
            (ExitCode::from(code), ""),
            "{}",
            self.err
        );
        self.err
    }
}

fn aia(data: &Path, arguments: &[&str]) -> Ended {
    let (out, err) = (Captured::default(), Captured::default());
    let mut output = Output::to(Box::new(out.clone()), Box::new(err.clone()), false);
    let arguments = ["aia"].iter().chain(arguments).map(OsString::from);
    let code = run(&Host, arguments, defaults_in(data), &mut output);
    Ended {
        code,
        out: out.text(),
        err: err.text(),
    }
}

fn data() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// A data folder with one incident.
fn with_incident(title: &str) -> tempfile::TempDir {
    let data = data();
    let store = Host.store(&config_of(data.path())).unwrap();
    let scope = default_scope().unwrap();
    store.ensure_project(&scope, 1).unwrap();
    put_incident(store.as_ref(), &scope, "inc-1", 1_795_435_205_000_000_000, title);
    data
}

fn config_of(data: &Path) -> aia::config::Config {
    defaults_in(data).load().unwrap().config
}

#[test]
fn an_empty_folder_has_no_incidents() {
    let data = data();
    assert_eq!(aia(data.path(), &["incidents"]).succeeded(), "No incidents.\n");
    assert_eq!(
        aia(data.path(), &["incidents", "--json"]).succeeded(),
        "{\"incidents\":[]}\n"
    );
}

#[test]
fn incidents_are_a_table_or_json() {
    let data = with_incident("OutOfStock in checkout");
    let list = aia(data.path(), &["incidents"]).succeeded();
    assert_eq!(aia(data.path(), &["incidents", "list"]).succeeded(), list);
    insta::assert_snapshot!(list, @r#"
ID      STATE   SEVERITY   OPENED                 SERVICE    COUNT   TITLE
inc-1   open    high       2026-11-23 12:00:05Z   checkout   3       OutOfStock in checkout
"#);
    insta::assert_snapshot!(aia(data.path(), &["incidents", "show", "inc-1"]).succeeded(), @r#"
OutOfStock in checkout
  id             inc-1
  state          open
  severity       high
  project        default
  service        checkout
  operation      POST /orders
  release        1.4.0
  also affected  web
  first seen     2026-11-23 12:00:05Z
  last seen      -
  occurrences    3

Analysis: suspects found the cause
  OutOfStock in checkout
  (1 of its claims did not stand the check)
SUSPECT   SERVICE    OPERATION      RELEASE   CODE   WHY
80 %      checkout   POST /orders   1.4.0            OutOfStock in checkout

Timeline
TIME                   EVENT    WHAT
2026-11-23 12:00:05Z   opened   OutOfStock in checkout

Signals
DETECTOR   SEVERITY   COUNT   TITLE
errors     high       3       OutOfStock in checkout

Evidence
ID         TIME                   KIND   SERVICE    WHAT
ev-inc-1   2026-11-23 12:00:05Z   span   checkout   OutOfStock in checkout
"#);
    let json = aia(data.path(), &["--json", "incidents", "--state", "open,regressed"]).json();
    assert_eq!(json["incidents"][0]["id"], "inc-1");
    let json = aia(data.path(), &["incidents", "show", "inc-1", "--json"]).json();
    assert_eq!(json["evidence"][0]["id"], "ev-inc-1");
    assert_eq!(
        aia(data.path(), &["incidents", "--state", "resolved"]).succeeded(),
        "No incidents.\n"
    );
}

#[test]
fn another_tenant_has_none_of_it() {
    let data = with_incident("x");
    assert_eq!(
        aia(data.path(), &["incidents", "--tenant", "other"]).succeeded(),
        "No incidents.\n"
    );
    aia(data.path(), &["incidents", "show", "inc-1", "--tenant", "other"]).failed(1);
}

#[test]
fn text_of_telemetry_does_nothing_to_a_terminal() {
    let data = with_incident(HOSTILE);
    for arguments in [
        &["incidents"][..],
        &["incidents", "show", "inc-1"],
        &["incidents", "--json"],
        &["incidents", "show", "inc-1", "--json"],
    ] {
        let out = aia(data.path(), arguments).succeeded();
        assert!(out.contains("evil"), "{out}");
        let harmful = |c: char| (c.is_control() && c != '\n') || ['\u{202e}', '\u{200b}'].contains(&c);
        assert!(!out.contains(harmful), "{arguments:?}: {out:?}");
        assert!(!out.lines().any(|line| line.starts_with("forged")), "{out}");
    }
    let json = aia(data.path(), &["incidents", "--json"]).json();
    assert_eq!(json["incidents"][0]["title"], HOSTILE);
    // Neither does what the user is made to type.
    let error = aia(data.path(), &["incidents", "show", "\x1b[2J"]).failed(1);
    assert!(!error.contains('\x1b'), "{error:?}");
    let error = aia(data.path(), &["\x1b[2J"]).failed(2);
    assert!(!error.contains('\x1b'), "{error:?}");
}

#[test]
fn errors_name_cause_and_help() {
    let data = data();
    insta::assert_snapshot!(aia(data.path(), &["incidents", "show", "inc-9"]).failed(1), @r"
    error: there is no incident `inc-9`
    help: `aia incidents` lists what there is
    ");
    insta::assert_snapshot!(aia(data.path(), &["incidents", "--set", "dtaa=x"]).failed(2), @r"
    error: the configuration is wrong
    cause: flag --set: there is no setting `dtaa`
    help: did you mean `data`? `aia config` prints every setting with its default
    ");
    insta::assert_snapshot!(aia(Path::new("/nonexistent/data"), &["incidents"]).failed(1), @r"
    error: there is no data folder `/nonexistent/data`
    help: `--data` names another one; `aia up` makes one
    ");
    insta::assert_snapshot!(aia(data.path(), &["incidence"]).failed(2), @r"
    error: unrecognized subcommand 'incidence'

      tip: some similar subcommands exist: 'incidents', 'incident'

    Usage: aia [OPTIONS] <COMMAND>

    For more information, try '--help'.
    ");
}

#[test]
fn incidents_are_worked_with() {
    let data = with_incident("OutOfStock in checkout");
    let store = Host.store(&config_of(data.path())).unwrap();
    put_incident(
        store.as_ref(),
        &default_scope().unwrap(),
        "inc-2",
        1_795_435_206_000_000_000,
        "other",
    );
    let run = |arguments: &[&str]| aia(data.path(), arguments);
    insta::assert_snapshot!(run(&["incident", "ack", "inc-1", "--text", "on it"]).succeeded(), @"inc-1 is acknowledged now");
    insta::assert_snapshot!(run(&["incident", "ack", "inc-1"]).succeeded(), @"inc-1 is acknowledged already");
    insta::assert_snapshot!(run(&["incident", "note", "inc-1", "the disk was full"]).succeeded(), @"noted in the timeline of inc-1");
    insta::assert_snapshot!(run(&["incident", "resolve", "inc-1"]).succeeded(), @"inc-1 is resolved now");
    insta::assert_snapshot!(run(&["incident", "ack", "inc-1"]).failed(1), @r"
error: cannot do that to the incident
cause: `inc-1` is resolved: reopen it first
");
    assert_eq!(
        run(&["incident", "reopen", "inc-1", "--json"]).json()["state"],
        "open"
    );
    insta::assert_snapshot!(run(&["incident", "resolve", "inc-1", "--if-version", "1"]).failed(1), @r"
error: cannot do that to the incident
cause: the incident has changed since: it is at version 5 now
");
    insta::assert_snapshot!(run(&["incident", "merge", "inc-2", "--into", "inc-1"]).succeeded(), @"inc-2 is part of inc-1 now");
    insta::assert_snapshot!(run(&["incident", "reopen", "inc-2"]).failed(1), @r"
error: cannot do that to the incident
cause: `inc-2` was merged into `inc-1`
");
    // What was merged is shown where it went.
    let shown = run(&["incident", "show", "inc-2"]).succeeded();
    assert_eq!(shown, run(&["incidents", "show", "inc-1"]).succeeded());
    assert!(
        shown.contains("Note by ") && shown.contains("(command line): the disk was full"),
        "{shown}"
    );
    let split = run(&["incident", "split", "inc-1", "--signal", "sig-inc-2"]).succeeded();
    assert!(split.ends_with(" was split off inc-1\n"), "{split}");
    insta::assert_snapshot!(run(&["incident", "split", "inc-1"]).failed(1), @r"
error: cannot do that to the incident
cause: name some of the incident's signals or fingerprints, and not all of them
");
    insta::assert_snapshot!(run(&["incident", "ack", "inc-9"]).failed(1), @r"
error: there is no incident `inc-9`
help: `aia incidents` lists what there is
");
    run(&["incident", "ack", "inc-1", "--tenant", "other"]).failed(1);
}

#[test]
fn changes_are_told_and_listed() {
    let data = with_incident("x");
    let run = |arguments: &[&str]| aia(data.path(), arguments);
    let deploy = [
        "change",
        "deploy",
        "--service",
        "checkout",
        "--release",
        "1.4.0",
        "--previous",
        "1.3.9",
        "--at",
        "2026-11-23T11:59:00Z",
        "--author",
        "ada",
    ];
    insta::assert_snapshot!(run(&deploy).succeeded(), @"told: Deploy of checkout 1.4.0 after 1.3.9 by ada");
    insta::assert_snapshot!(run(&deploy).succeeded(), @"known already: Deploy of checkout 1.4.0 after 1.3.9 by ada");
    let flag = [
        "change",
        "flag",
        "--text",
        HOSTILE,
        "--at",
        "2026-11-23T12:00:00Z",
        "--link",
        "https://example.com",
    ];
    run(&flag).succeeded();
    insta::assert_snapshot!(run(&["change", "list"]).succeeded(), @r"
TIME                   KIND     SERVICE    WHAT
2026-11-23 11:59:00Z   deploy   checkout   Deploy of checkout 1.4.0 after 1.3.9 by ada
2026-11-23 12:00:00Z   flag                Flag: \u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\u{202e}evil\u{d}\u{a}forged line\u{9}\u{200b} (https://example.co…
");
    assert_eq!(
        run(&["changes", "list"]).succeeded(),
        run(&["change", "list"]).succeeded()
    );
    let json = run(&["change", "list", "--json", "--service", "checkout"]).json();
    assert_eq!(json["changes"].as_array().unwrap().len(), 1);
    assert_eq!(
        run(&["change", "list", "--from", "2026-11-24T00:00:00Z"]).succeeded(),
        "No changes.\n"
    );
    insta::assert_snapshot!(run(&["change", "flag", "--at", "2026-11-23T12:00:00Z"]).failed(1), @r"
error: cannot take note of the change
cause: say what was changed: one of `service`, `release` and `text` at least
");
    insta::assert_snapshot!(run(&["change", "flag", "--text", "x", "--project", "nothing"]).failed(1), @r"
error: there is no project `default/nothing`
help: `aia key create --project` makes one with a key
");
    run(&["change", "flag", "--at", "yesterday"]).failed(2);
    run(&["change", "deploy", "--service", "checkout"]).failed(2);
}

#[test]
fn keys_are_made_listed_and_revoked() {
    let data = data();
    let key = aia(data.path(), &["key", "create", "--name", "shop"]).succeeded();
    let verified = Host
        .secrets(&config_of(data.path()))
        .unwrap()
        .verify(key.trim())
        .unwrap();
    assert_eq!(
        (verified.project.as_str(), verified.key_id.as_str()),
        ("default", "shop")
    );
    insta::assert_snapshot!(aia(data.path(), &["key", "create", "--name", "shop"]).failed(1), @r"
    error: project `default` has an ingest key `shop` already
    help: a revoked key's name is never used again; choose another `--name`
    ");
    let made = aia(data.path(), &["key", "create", "--json", "--project", "blog"]).json();
    assert!(made["name"].as_str().unwrap().starts_with("k-"));
    let list = aia(data.path(), &["key", "list", "--json"]).json();
    assert_eq!(list["keys"][0]["name"], "shop");
    assert_eq!(list["keys"][0]["revoked_at"], serde_json::Value::Null);
    assert_eq!(list["keys"][0].get("ingest_key"), None);
    assert_eq!(
        aia(data.path(), &["key", "revoke", "shop"]).succeeded(),
        "revoked shop\n"
    );
    let list = aia(data.path(), &["key", "list", "--json"]).json();
    assert!(list["keys"][0]["revoked_at"].is_string());
    assert!(aia(data.path(), &["key", "list"]).succeeded().starts_with("NAME"));
    insta::assert_snapshot!(aia(data.path(), &["key", "revoke", "none"]).failed(1), @r"
    error: there is no ingest key `none`
    help: `aia key list` lists what there is
    ");
}

#[test]
fn tokens_are_made_and_listed_but_not_kept() {
    let data = data();
    let made = aia(data.path(), &["token", "create", "--scope", "operator", "--json"]).json();
    let token = made["token"].as_str().unwrap();
    assert!(aia::api::Token::parse(token).is_some());
    let plain = aia(data.path(), &["token", "create"]).succeeded();
    assert!(aia::api::Token::parse(plain.trim()).is_some());
    let list = aia(data.path(), &["token", "list", "--json"]).succeeded();
    assert!(
        !list.contains(token) && list.contains(made["id"].as_str().unwrap()),
        "{list}"
    );
    assert!(aia(data.path(), &["token", "list"]).succeeded().starts_with("ID"));
    // The secret may hold `_` itself.
    let secret = token.splitn(3, '_').last().unwrap().as_bytes();
    for file in std::fs::read_dir(data.path())
        .unwrap()
        .map(Result::unwrap)
        .filter(|file| file.path().is_file())
    {
        let bytes = std::fs::read(file.path()).unwrap();
        assert!(
            !bytes.windows(secret.len()).any(|window| window == secret),
            "{:?} holds the token",
            file.path()
        );
    }
}

#[test]
fn the_configuration_is_a_file_or_what_is_in_effect() {
    let data = data();
    assert_eq!(
        aia(data.path(), &["config"]).succeeded(),
        aia::config::annotated_defaults()
    );
    let json = aia(
        data.path(),
        &["config", "--json", "--set", "redaction.emails=true"],
    )
    .json();
    let settings = json["settings"].as_array().unwrap();
    let emails = settings
        .iter()
        .find(|setting| setting["key"] == "redaction.emails")
        .unwrap();
    assert_eq!(
        (emails["value"].as_str(), emails["origin"].as_str()),
        (Some("true"), Some("flag --set"))
    );
}

#[test]
fn detectors_are_measured_on_labelled_sets() {
    let data = data();
    let sets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../eval/sets");
    for (what, file) in [("logs", "Bakery"), ("metrics", "shift.csv")] {
        let set = sets.join(what);
        let set = set.to_str().unwrap();
        let table = aia(data.path(), &["eval", what, set]).succeeded();
        assert!(table.contains(file), "{table}");
        let json = aia(data.path(), &["eval", what, set, "--json"]).json();
        assert!(json.to_string().contains(file), "{json}");
        let out = data.path().join(format!("{what}.json"));
        // The table has a column of speed, so that two of them differ.
        aia(data.path(), &["eval", what, set, "--json", out.to_str().unwrap()]).succeeded();
        let written: serde_json::Value = serde_json::from_slice(&std::fs::read(out).unwrap()).unwrap();
        assert_eq!(
            written.as_object().unwrap().len(),
            json.as_object().unwrap().len()
        );
    }
    for what in ["logs", "metrics"] {
        let error = aia(data.path(), &["eval", what, "/nonexistent/sets"]).failed(1);
        assert!(error.contains("/nonexistent/sets"), "{error}");
    }
}

#[test]
fn help_and_version_go_to_standard_output() {
    let data = data();
    assert_eq!(
        aia(data.path(), &["--version"]).succeeded(),
        concat!("aia ", env!("CARGO_PKG_VERSION"), "\n")
    );
    let help = aia(data.path(), &["--help"]).succeeded();
    assert!(!help.contains("compile-plugin"), "{help}");
    insta::assert_snapshot!(help, @r"
The autonomous incident agent: takes OpenTelemetry in, finds incidents, explains them

Usage: aia [OPTIONS] <COMMAND>

Commands:
  up         Start the host: listen for telemetry, find incidents, serve the API
  incidents  List incidents, or show one
  incident   Acknowledge, resolve, reopen, merge or split an incident, or add a note
  change     Tell of deploys and other changes, or list them [alias: changes]
  report     Render an incident's report
  replay     Send recorded OTLP through the whole pipeline, and show what it finds
  backtest   Run a detector over the telemetry of the data folder, and compare what it would have found
  templates  List the templates of log lines that the detector `logs` has learned
  eval       Measure how well a detector does on labelled data
  plugin     List plugins; make, build, test, measure and check one
  bundle     Make the folder that a Worker or a Spin app at the edge is deployed from
  key        Make, list and revoke ingest keys, which applications send telemetry with
  token      Make and list tokens for the API
  config     Print a configuration file with every setting and its default; with `--json`, the settings in effect
  help       Print this message or the help of the given subcommand(s)

Options:
      --config <FILE>     Configuration file; `aia.toml` in the working folder by default, if it is there
      --data <FOLDER>     Folder of everything AIA keeps
      --plugins <FOLDER>  Folder of plugins besides the built-in ones
      --set <KEY=VALUE>   Set any setting for this run; `aia config` lists them
      --json              Print JSON instead of text
  -h, --help              Print help
  -V, --version           Print version
");
}

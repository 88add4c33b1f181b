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
    insta::assert_snapshot!(aia(data.path(), &["incident"]).failed(2), @r"
    error: unrecognized subcommand 'incident'

      tip: a similar subcommand exists: 'incidents'

    Usage: aia [OPTIONS] <COMMAND>

    For more information, try '--help'.
    ");
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
fn help_and_version_go_to_standard_output() {
    let data = data();
    assert_eq!(
        aia(data.path(), &["--version"]).succeeded(),
        concat!("aia ", env!("CARGO_PKG_VERSION"), "\n")
    );
    let help = aia(data.path(), &["--help"]).succeeded();
    assert!(!help.contains("compile-plugin"), "{help}");
    insta::assert_snapshot!(help, @r#"
The autonomous incident agent: takes OpenTelemetry in, finds incidents, explains them

Usage: aia [OPTIONS] <COMMAND>

Commands:
  up         Start the host: listen for telemetry, find incidents, serve the API
  incidents  List incidents, or show one
  report     Render an incident's report
  replay     Send recorded OTLP through the whole pipeline, and show what it finds
  backtest   Run a detector over the telemetry of the data folder, and compare what it would have found
  plugin     List plugins, or check a file
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
"#);
}

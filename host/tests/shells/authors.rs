//! `aia plugin …` as a process of its own, without a data folder. Building plugins is a system test.

use std::{
    path::Path,
    process::{Command, Output},
};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("errors.wasm"), aia_plugins::ERRORS).unwrap();
        std::fs::write(folder.path().join("report.wasm"), aia_plugins::REPORT).unwrap();
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn aia(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_aia"))
            .env_clear()
            .current_dir(self.path())
            .args(arguments)
            .output()
            .unwrap()
    }

    fn succeeded(&self, arguments: &[&str]) -> String {
        let output = self.aia(arguments);
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success() && err.is_empty(), "{out}\n{err}");
        assert!(!out.contains('\x1b'), "{out:?}");
        out
    }

    fn failed(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.aia(arguments);
        assert_eq!(output.status.code(), Some(code), "{}", text(&output.stdout));
        text(&output.stderr)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_file_is_inspected_and_nothing_is_made() {
    let folder = Folder::new();
    let facts = folder.succeeded(&["plugin", "inspect", "errors.wasm"]);
    // What differs with every build.
    let facts: Vec<_> = facts
        .lines()
        .filter(|line| !line.starts_with("digest ") && !line.starts_with("size "))
        .collect();
    insta::assert_snapshot!(facts.join("\n"), @r#"
    name       errors
    version    0.1.0
    kind       detector
    what       Detector of exceptions, error statuses and HTTP 5xx
    reads      spans, logs
    signal     errors.exception: The same exception occurs repeatedly
    signal     errors.http: Requests to an operation end with HTTP 5xx repeatedly
    signal     errors.rpc: Calls of an operation end with an RPC status that is the server's fault
    signal     errors.status: Spans of an operation have the status "error" repeatedly
    signal     errors.record: A service writes a log record of an error repeatedly that it didn't write before
    settings   hold-seconds = 10, min-count = 3, update-seconds = 30, warm-up-seconds = 120, window-seconds = 60
    contract   0.1.0
    runs in    aia, Worker, Spin
    memory     at most 64 MiB
    call time  at most 1000 ms
    snapshot   at most 1 MiB
    import     aia:plugin/telemetry@0.1.0: types only
    import     aia:plugin/signals@0.1.0: types only
    export     aia:plugin/detector@0.1.0: [static]session.open, [method]session.observe-spans, [method]session.observe-logs, [method]session.observe-metrics, [method]session.tick, [method]session.snapshot
    export     aia:plugin/manifest@0.1.0: describe
    "#);
    let inspected = json(&folder.succeeded(&["plugin", "inspect", "--json", "report.wasm"]));
    assert_eq!(inspected["formats"][0], "text/markdown");
    assert_eq!(inspected["exports"][1]["functions"][0], "render");
    assert_eq!(inspected["size_bytes"], aia_plugins::REPORT.len());
    assert_eq!(
        (&inspected["pure"], &inspected["contract_version"]),
        (&true.into(), &"0.1.0".into())
    );

    std::fs::write(folder.path().join("no.wasm"), "no").unwrap();
    insta::assert_snapshot!(folder.failed(1, &["plugin", "inspect", "no.wasm"]), @r#"
    error: `no.wasm` is no plugin that AIA would run
    cause: plugin `no.wasm` can't be loaded: it isn't a WebAssembly component: it doesn't begin with the bytes `\0asm`
    "#);
    insta::assert_snapshot!(folder.failed(1, &["plugin", "inspect", "gone.wasm"]), @r#"
    error: cannot read `gone.wasm`
    cause: No such file or directory (os error 2)
    "#);
    // Neither a data folder nor a secret.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
}

#[test]
fn a_detector_is_measured_beside_errors() {
    let folder = Folder::new();
    let table = folder.succeeded(&["plugin", "bench", "errors.wasm"]);
    assert!(
        table.contains("a span") && table.contains("256000 spans in 500 batches"),
        "{table}"
    );
    let arguments = ["plugin", "bench", "errors.wasm", "--json", "--signal", "logs"];
    let measured = json(&folder.succeeded(&arguments));
    assert!(measured["plugin"]["row_ns"].as_f64().unwrap() > 0.0, "{measured}");
    assert_eq!(measured["rows"], 256_000);
    assert_eq!(measured["plugin"]["signals"], measured["yardstick"]["signals"]);
    insta::assert_snapshot!(folder.failed(1, &["plugin", "bench", "report.wasm"]), @"error: `report` is no detector: only detectors are measured");
    let arguments = [
        "plugin",
        "bench",
        "errors.wasm",
        "--plugin-config",
        r#"{"min-cuont": 1}"#,
    ];
    assert!(folder.failed(1, &arguments).contains("did you mean `min-count`?"));
    let arguments = ["plugin", "bench", "errors.wasm", "--recording", "errors.wasm"];
    assert!(folder.failed(1, &arguments).contains("a recording ends in"));
}

#[test]
fn fixtures_of_a_file_lie_beside_it() {
    let folder = Folder::new();
    insta::assert_snapshot!(folder.failed(1, &["plugin", "test", "errors.wasm"]), @r#"
    error: there are no fixtures in `fixtures`
    help: a fixture is a file `fixtures/CASE.jsonl`; docs/writing-a-plugin.md shows one
    "#);
    let fixtures = folder.path().join("fixtures");
    std::fs::create_dir(&fixtures).unwrap();
    std::fs::write(fixtures.join("quiet.jsonl"), "{\"at\": \"30s\"}\n").unwrap();
    insta::assert_snapshot!(folder.failed(1, &["plugin", "test", "errors.wasm"]), @"error: 1 of 1 cases failed");
    assert!(
        folder
            .succeeded(&["plugin", "test", "errors.wasm", "--update"])
            .contains("written")
    );
    assert_eq!(
        std::fs::read_to_string(fixtures.join("quiet.signals.json")).unwrap(),
        "[]\n"
    );
    let tested = json(&folder.succeeded(&["plugin", "test", "errors.wasm", "--json"]));
    assert_eq!(tested["cases"][0]["result"], "passed");
    assert_eq!(tested["cases"][0]["calls"], 3);
}

#[test]
fn a_plugin_is_made_beside_the_sdk_only() {
    let folder = Folder::new();
    insta::assert_snapshot!(folder.failed(1, &["plugin", "new", "slow", "--kind", "detector"]), @r#"
    error: the plugin SDK is neither here nor in a folder above
    help: the SDK isn't on a registry yet: work inside a clone of AIA's repository, or give `--sdk FOLDER`, the clone's folder `sdk`
    "#);
    insta::assert_snapshot!(folder.failed(2, &["plugin", "new", "Slow", "--kind", "detector"]), @"error: `Slow` can't be the name of a plugin: 1 to 40 lower-case letters, digits and hyphens, starting with a letter");
    insta::assert_snapshot!(folder.failed(2, &["plugin", "new", "slow", "--kind", "detector", "--lang", "python"]), @r#"
    error: there are no templates in `python`
    help: there is `rust`; any language that makes components of the contract in `wit/` works, without a template
    "#);
    let sdk = format!("{}/../sdk", std::env::var("CARGO_MANIFEST_DIR").unwrap());
    let sdk = sdk.as_str();
    for kind in ["detector", "analyst", "reporter"] {
        let told = folder.succeeded(&["plugin", "new", kind, "--kind", kind, "--sdk", sdk]);
        assert!(told.starts_with(&format!("{kind}/ has a plugin")), "{told}");
        assert!(folder.path().join(kind).join("src/lib.rs").is_file());
    }
    insta::assert_snapshot!(folder.failed(1, &["plugin", "new", "analyst", "--kind", "analyst", "--sdk", sdk]), @r#"
    error: `analyst` exists and isn't empty
    help: choose another name, or another folder to work in
    "#);
    let made = folder.succeeded(&[
        "plugin", "new", "other", "--kind", "detector", "--sdk", sdk, "--json",
    ]);
    assert_eq!(json(&made)["folder"], "other");
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    insta::assert_snapshot!(folder.failed(1, &["plugin", "build", "empty"]), @r#"
    error: cannot find `empty/Cargo.toml`
    cause: No such file or directory (os error 2)
    "#);
}

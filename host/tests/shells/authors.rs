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
    insta::assert_snapshot!(facts.join("\n"), @"");
    let inspected = json(&folder.succeeded(&["plugin", "inspect", "--json", "report.wasm"]));
    assert_eq!(inspected["formats"][0], "text/markdown");
    assert_eq!(inspected["exports"][1]["functions"][0], "render");
    assert_eq!(inspected["size_bytes"], aia_plugins::REPORT.len());
    assert_eq!(
        (&inspected["pure"], &inspected["contract_version"]),
        (&true.into(), &"0.1.0".into())
    );

    std::fs::write(folder.path().join("no.wasm"), "no").unwrap();
    insta::assert_snapshot!(folder.failed(1, &["plugin", "inspect", "no.wasm"]), @"");
    insta::assert_snapshot!(folder.failed(1, &["plugin", "inspect", "gone.wasm"]), @"");
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
    insta::assert_snapshot!(folder.failed(1, &["plugin", "bench", "report.wasm"]), @"");
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
    insta::assert_snapshot!(folder.failed(1, &["plugin", "test", "errors.wasm"]), @"");
    let fixtures = folder.path().join("fixtures");
    std::fs::create_dir(&fixtures).unwrap();
    std::fs::write(fixtures.join("quiet.jsonl"), "{\"at\": \"30s\"}\n").unwrap();
    insta::assert_snapshot!(folder.failed(1, &["plugin", "test", "errors.wasm"]), @"");
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
    insta::assert_snapshot!(folder.failed(1, &["plugin", "new", "slow", "--kind", "detector"]), @"");
    insta::assert_snapshot!(folder.failed(2, &["plugin", "new", "Slow", "--kind", "detector"]), @"");
    insta::assert_snapshot!(folder.failed(2, &["plugin", "new", "slow", "--kind", "detector", "--lang", "python"]), @"");
    let sdk = concat!(env!("CARGO_MANIFEST_DIR"), "/../sdk");
    for kind in ["detector", "analyst", "reporter"] {
        let told = folder.succeeded(&["plugin", "new", kind, "--kind", kind, "--sdk", sdk]);
        assert!(told.starts_with(&format!("{kind}/ has a plugin")), "{told}");
        assert!(folder.path().join(kind).join("src/lib.rs").is_file());
    }
    insta::assert_snapshot!(folder.failed(1, &["plugin", "new", "analyst", "--kind", "analyst", "--sdk", sdk]), @"");
    let made = folder.succeeded(&[
        "plugin", "new", "other", "--kind", "detector", "--sdk", sdk, "--json",
    ]);
    assert_eq!(json(&made)["folder"], "other");
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    insta::assert_snapshot!(folder.failed(1, &["plugin", "build", "empty"]), @"");
}

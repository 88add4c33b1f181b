//! `aia bundle` as a process of its own. That what it writes runs in workerd and in Spin is for system tests.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let function = wat::parse_str(IMPORTS_A_FUNCTION).unwrap();
        for (name, bytes) in [
            ("errors.wasm", aia_plugins::ERRORS),
            ("metrics.wasm", aia_plugins::METRICS),
            ("renamed.wasm", aia_plugins::ERRORS),
            ("report.wasm", aia_plugins::REPORT),
            ("suspects.wasm", aia_plugins::SUSPECTS),
            ("worldly.wasm", aia_plugins::WORLDLY),
            ("function.wasm", &function),
            ("text.wasm", b"text"),
            ("edge.wasm", &wat::parse_str(with_slots(8)).unwrap()),
            ("old-edge.wasm", &wat::parse_str(with_slots(7)).unwrap()),
        ] {
            std::fs::write(folder.path().join(name), bytes).unwrap();
        }
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn aia(&self, arguments: &[&str]) -> Output {
        self.bundle("worker", arguments)
    }

    fn bundle(&self, what: &str, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_aia"))
            .env_clear()
            .current_dir(self.path())
            .args(["bundle", what, "--out", "bundle"])
            .args(arguments)
            .output()
            .unwrap()
    }

    fn succeeded(&self, arguments: &[&str]) -> String {
        let output = self.aia(arguments);
        let err = text(&output.stderr);
        assert!(output.status.success() && err.is_empty(), "{err}");
        text(&output.stdout)
    }

    fn failed(&self, arguments: &[&str]) -> String {
        let output = self.aia(arguments);
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
        text(&output.stderr)
    }

    fn read(&self, file: &str) -> String {
        text(&std::fs::read(self.path().join(file)).unwrap())
    }
}

/// A component that is no plugin in more than one way; its import is looked at first.
const IMPORTS_A_FUNCTION: &str =
    r#"(component (import "the:world/outside" (instance (export "reach" (func)))))"#;

/// Something that imports so many slots, as AIA's component for Spin does.
fn with_slots(slots: usize) -> String {
    let imports: String = (1..=slots)
        .map(|slot| format!("(import \"aia-slot:slot{slot}/detector@0.1.0\" (instance))"))
        .collect();
    format!("(component {imports})")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn what_imports_anything_is_refused_by_name() {
    let folder = Folder::new();
    insta::assert_snapshot!(folder.failed(&["--plugin", "errors.wasm", "--plugin", "worldly.wasm"]), @r"
    error: cannot make the bundle
    cause: `worldly.wasm` imports `wasi:io/poll@0.2.6` and 24 more of WASI; plugins for the edge import nothing
    help: build it for a target without a system, such as wasm32-unknown-unknown; what imports WASI runs on a host
    ");
    insta::assert_snapshot!(folder.failed(&["--plugin", "function.wasm"]), @r"
    error: cannot make the bundle
    cause: `function.wasm` imports the function `the:world/outside#reach`; plugins for the edge import nothing
    help: build it for a target without a system, such as wasm32-unknown-unknown; what imports WASI runs on a host
    ");
    assert!(!folder.path().join("bundle").exists());
}

#[test]
fn what_is_no_detector_or_no_plugin_is_refused_by_name() {
    let folder = Folder::new();
    insta::assert_snapshot!(folder.failed(&["--plugin", "report.wasm"]), @r"
    error: cannot make the bundle
    cause: `report.wasm` is a reporter; the edge runs detectors
    help: analysts and reporters run on the host that pulls: leave this one out
    ");
    insta::assert_snapshot!(folder.failed(&["--plugin", "suspects.wasm"]), @r"
    error: cannot make the bundle
    cause: `suspects.wasm` is an analyst; the edge runs detectors
    help: analysts and reporters run on the host that pulls: leave this one out
    ");
    insta::assert_snapshot!(folder.failed(&["--plugin", "text.wasm"]), @r"
    error: cannot make the bundle
    cause: `text.wasm` is no plugin that AIA would run
    cause: plugin `text.wasm` can't be loaded: it isn't a WebAssembly component: it doesn't begin with the bytes `\0asm`
    ");
    insta::assert_snapshot!(folder.failed(&["--plugin", "none.wasm"]), @r"
    error: cannot make the bundle
    cause: cannot read `none.wasm`
    cause: No such file or directory (os error 2)
    ");
    insta::assert_snapshot!(folder.failed(&["--plugin", "errors.wasm", "--plugin", "renamed.wasm"]), @r"
    error: cannot make the bundle
    cause: `errors.wasm` and `renamed.wasm` are both called `errors`
    help: a name is in a plugin's manifest: rename one, or leave one out
    ");
}

#[test]
fn a_folder_of_something_else_is_left_alone() {
    let folder = Folder::new();
    let other = folder.path().join("bundle");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("thesis.txt"), "years of work").unwrap();
    insta::assert_snapshot!(folder.failed(&["--plugin", "errors.wasm"]), @r"
    error: cannot make the bundle
    cause: `bundle` exists and is no bundle
    help: give a folder that is empty, isn't there yet, or holds an earlier bundle
    ");
    assert_eq!(folder.read("bundle/thesis.txt"), "years of work");
    insta::assert_snapshot!(folder.failed(&["--plugin", "errors.wasm", "--shell", "bundle"]), @r"
    error: cannot make the bundle
    cause: `bundle` isn't a Worker's shell: it has no `shell.mjs`
    help: `cargo xtask edge` in a clone of AIA's repository builds one, into `shell/`
    ");
}

#[test]
fn plugins_come_with_facts_modules_and_one_glue_for_all_that_are_alike() {
    let folder = Folder::new();
    let printed = folder.succeeded(&["--json"]);
    let printed: Value = serde_json::from_str(&printed).unwrap();
    let names: Vec<_> = aia_plugins::DETECTORS
        .iter()
        .map(|(name, _)| format!("{name} 0.1.0"))
        .collect();
    assert_eq!(printed["plugins"], serde_json::json!(names));
    assert!(printed["gzip_bytes"].as_u64() < printed["gzip_bytes_limit"].as_u64());

    let index = folder.read("bundle/plugins.mjs");
    for (name, component) in aia_plugins::DETECTORS {
        assert!(
            index.contains(blake3::hash(component).to_hex().as_str()),
            "{name}"
        );
        assert!(
            folder
                .path()
                .join(format!("bundle/plugins/{name}/core.wasm"))
                .is_file()
        );
    }
    assert!(
        index.contains(r#""reads":["spans","logs"],"signals":["errors.exception","#),
        "{index}"
    );
    // Two orders of exports.
    assert_eq!(
        index.matches("import { instantiate as glue").count(),
        2,
        "{index}"
    );
    let glue = folder.read("bundle/plugins/glue.mjs");
    for word in [
        "eval(",
        "new Function",
        "require(",
        "\nimport ",
        "import(",
        "process.",
        "node:",
    ] {
        assert!(!glue.contains(word), "{word}");
    }

    // The same again replaces it, byte for byte; without a shell there is nothing to start.
    folder.succeeded(&["--plugin", "errors.wasm", "--plugin", "metrics.wasm"]);
    assert!(!folder.path().join("bundle/plugins/logs").exists());
    assert_eq!(folder.read("bundle/plugins/glue.mjs"), glue);
    assert!(!folder.path().join("bundle/entry.mjs").exists());
}

#[test]
fn a_shell_is_taken_as_it_is() {
    let folder = Folder::new();
    let shell = folder.path().join("shell");
    std::fs::create_dir_all(shell.join("snippets")).unwrap();
    std::fs::write(shell.join("shell.mjs"), "export {}").unwrap();
    std::fs::write(shell.join("snippets/inline.js"), "// inline").unwrap();
    std::fs::write(shell.join("index_bg.wasm"), b"\0asm\x01\0\0\0").unwrap();
    folder.succeeded(&["--plugin", "errors.wasm", "--shell", "shell"]);
    assert_eq!(folder.read("bundle/shell/snippets/inline.js"), "// inline");
    let entry = folder.read("bundle/entry.mjs");
    assert!(entry.contains("\"./shell/shell.mjs\"") && entry.contains("\"./plugins.mjs\""));
}

#[test]
fn an_app_has_the_files_as_they_were_given_each_in_its_slot() {
    let folder = Folder::new();
    let output = folder.bundle(
        "spin",
        &[
            "--component",
            "edge.wasm",
            "--plugin",
            "metrics.wasm",
            "--plugin",
            "errors.wasm",
        ],
    );
    assert!(output.status.success(), "{}", text(&output.stderr));
    for (file, component) in [("metrics", aia_plugins::METRICS), ("errors", aia_plugins::ERRORS)] {
        let written = std::fs::read(folder.path().join(format!("bundle/plugins/{file}.wasm"))).unwrap();
        assert_eq!(written, component, "{file}");
    }
    let manifest = folder.read("bundle/spin.toml");
    let slots: Vec<&str> = manifest
        .lines()
        .filter(|line| line.starts_with("\"aia-slot:"))
        .map(|line| &line[10..])
        .collect();
    insta::assert_snapshot!(slots[..3].join("\n"), @r#"
    slot1/detector@0.1.0" = { path = "plugins/metrics.wasm", export = "aia:plugin/detector@0.1.0" }
    slot2/detector@0.1.0" = { path = "plugins/errors.wasm", export = "aia:plugin/detector@0.1.0" }
    slot3/detector@0.1.0" = { path = "vacant.wasm", export = "aia:plugin/detector@0.1.0" }
    "#);
    assert_eq!(slots.len(), 8);
    let described: Value = serde_json::from_str(&folder.read("bundle/config/plugins.json")).unwrap();
    assert_eq!(
        (&described[0]["slot"], &described[0]["name"]),
        (&1.into(), &"metrics".into())
    );
    assert_eq!(
        (&described[1]["slot"], &described[1]["name"]),
        (&2.into(), &"errors".into())
    );
    assert_eq!(
        described[1]["digest"],
        blake3::hash(aia_plugins::ERRORS).to_hex().as_str()
    );
}

#[test]
fn what_makes_no_app_is_refused_with_the_way_out() {
    let folder = Folder::new();
    let failed = |arguments: &[&str]| {
        let output = folder.bundle("spin", arguments);
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
        text(&output.stderr)
    };
    insta::assert_snapshot!(failed(&["--component", "old-edge.wasm", "--plugin", "errors.wasm"]), @r"
    error: cannot make the bundle
    cause: `old-edge.wasm` isn't AIA's component for Spin
    help: `cargo xtask spin` in a clone of AIA's repository builds it, as `edge.wasm`
    ");
    insta::assert_snapshot!(failed(&["--component", "edge.wasm", "--plugin", "worldly.wasm"]), @r"
    error: cannot make the bundle
    cause: `worldly.wasm` imports `wasi:io/poll@0.2.6` and 24 more of WASI; plugins for the edge import nothing
    help: build it for a target without a system, such as wasm32-unknown-unknown; what imports WASI runs on a host
    ");
    let nine: Vec<&str> = ["--component", "edge.wasm"]
        .into_iter()
        .chain(["--plugin", "errors.wasm"].repeat(9))
        .collect();
    insta::assert_snapshot!(failed(&nine), @r"
    error: cannot make the bundle
    cause: 9 plugins are too many: the component has 8 slots
    help: leave some out, or deploy them as an app of their own on another bucket
    ");
    assert!(!folder.path().join("bundle").exists());
}

//! `aia bundle worker` as a process of its own. That what it writes runs in workerd is a system test.

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
        ] {
            std::fs::write(folder.path().join(name), bytes).unwrap();
        }
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn aia(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_aia"))
            .env_clear()
            .current_dir(self.path())
            .args(["bundle", "worker", "--out", "bundle"])
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

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn what_imports_anything_is_refused_by_name() {
    let folder = Folder::new();
    insta::assert_snapshot!(folder.failed(&["--plugin", "errors.wasm", "--plugin", "worldly.wasm"]), @"");
    insta::assert_snapshot!(folder.failed(&["--plugin", "function.wasm"]), @"");
    assert!(!folder.path().join("bundle").exists());
}

#[test]
fn what_is_no_detector_or_no_plugin_is_refused_by_name() {
    let folder = Folder::new();
    insta::assert_snapshot!(folder.failed(&["--plugin", "report.wasm"]), @"");
    insta::assert_snapshot!(folder.failed(&["--plugin", "suspects.wasm"]), @"");
    insta::assert_snapshot!(folder.failed(&["--plugin", "text.wasm"]), @"");
    insta::assert_snapshot!(folder.failed(&["--plugin", "none.wasm"]), @"");
    insta::assert_snapshot!(folder.failed(&["--plugin", "errors.wasm", "--plugin", "renamed.wasm"]), @"");
}

#[test]
fn a_folder_of_something_else_is_left_alone() {
    let folder = Folder::new();
    let other = folder.path().join("bundle");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("thesis.txt"), "years of work").unwrap();
    insta::assert_snapshot!(folder.failed(&["--plugin", "errors.wasm"]), @"");
    assert_eq!(folder.read("bundle/thesis.txt"), "years of work");
    insta::assert_snapshot!(folder.failed(&["--plugin", "errors.wasm", "--shell", "bundle"]), @"");
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
    // The rest of each line differs with every build.
    let shape: Vec<_> = index
        .lines()
        .map(|line| line.split("\",\"").next().unwrap())
        .collect();
    insta::assert_snapshot!(shape.join("\n"), @"");
    let glue = folder.read("bundle/plugins/glue.mjs");
    for word in [
        "eval(",
        "new Function",
        "require(",
        "import ",
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

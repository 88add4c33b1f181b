//! `aia replay` and `aia backtest` as processes of their own.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// 2026-11-23 12:00:00 UTC.
const START: u64 = 1_795_435_200_000_000_000;
const SECOND: u64 = 1_000_000_000;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// A minute in which a service fails every second, as one request.
    fn recording(&self) -> PathBuf {
        let span = |second: u64| {
            let (start, end) = (START + second * SECOND, START + second * SECOND + 5_000_000);
            let id = second + 1;
            format!(
                r#"{{"traceId":"{id:032x}","spanId":"{id:016x}","name":"POST /orders","kind":2,"startTimeUnixNano":"{start}","endTimeUnixNano":"{end}","status":{{"code":2}},"events":[{{"timeUnixNano":"{end}","name":"exception","attributes":[{{"key":"exception.type","value":{{"stringValue":"shop.OutOfStock\u001b[2J"}}}},{{"key":"exception.message","value":{{"stringValue":"none left"}}}}]}}]}}"#
            )
        };
        let spans: Vec<String> = (0..60).map(span).collect();
        let request = format!(
            r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"shop"}}}}]}},"scopeSpans":[{{"spans":[{}]}}]}}]}}"#,
            spans.join(",")
        );
        let file = self.path().join("minute.jsonl");
        std::fs::write(&file, request).unwrap();
        file
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
        out
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_recording_is_replayed_kept_and_tested_on() {
    let folder = Folder::new();
    folder.recording();
    let table = folder.succeeded(&["replay", "minute.jsonl", "--project", "shop"]);
    assert!(!table.contains('\x1b'), "{table:?}");
    insta::assert_snapshot!(table);
    // Nothing is left behind, not even an empty data folder.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);

    let json = folder.succeeded(&["replay", "--json", "minute.jsonl"]);
    assert_eq!(folder.succeeded(&["replay", "--json", "minute.jsonl"]), json);
    let found: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&found["spans"], &found["requests"]), (&60.into(), &1.into()));
    assert!(
        found["incidents"][0]["signals"][0]["evidence"][0].is_string(),
        "{json}"
    );

    folder.succeeded(&["replay", "minute.jsonl", "--into", "kept", "--project", "shop"]);
    let listed = folder.succeeded(&["incidents", "--data", "kept", "--project", "shop"]);
    assert_eq!(Some(listed.trim_end()), table.split("\n\n").next());

    let plugin = folder.path().join("errors.wasm");
    std::fs::write(plugin, aia_plugins::ERRORS).unwrap();
    let backtest = &["backtest", "errors.wasm", "--data", "kept", "--project", "shop"];
    insta::assert_snapshot!(folder.succeeded(backtest));
    let json = folder.succeeded(&[&backtest[..], &["--json", "--from", "2026-11-23T12:00:30Z"]].concat());
    let tested: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(tested["rows"], 30);
}

#[test]
fn templates_of_log_lines_are_listed() {
    let folder = Folder::new();
    let record = |number: u64| {
        let time = START + number * SECOND;
        format!(
            r#"{{"timeUnixNano":"{time}","severityNumber":9,"body":{{"stringValue":"order {} packed in {} ms\u001b[2J"}}}}"#,
            7000 + number,
            20 + number
        )
    };
    let service = |name: &str, records: std::ops::Range<u64>| {
        format!(
            r#"{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"{name}"}}}}]}},"scopeLogs":[{{"logRecords":[{}]}}]}}"#,
            records.map(record).collect::<Vec<_>>().join(",")
        )
    };
    let request = format!(
        r#"{{"resourceLogs":[{},{}]}}"#,
        service("shop", 0..60),
        service("store", 0..20)
    );
    std::fs::write(folder.path().join("minute.jsonl"), request).unwrap();
    folder.succeeded(&["replay", "minute.jsonl", "--into", "kept"]);

    let json = folder.succeeded(&["templates", "--data", "kept", "--json"]);
    let found: serde_json::Value = serde_json::from_str(&json).unwrap();
    let services: Vec<_> = found["templates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|template| {
            (
                template["service"].as_str().unwrap(),
                template["count"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(services, [("shop", 60), ("store", 20)], "{json}");

    let table = folder.succeeded(&["templates", "--data", "kept", "--service", "store"]);
    assert!(!table.contains('\x1b'), "{table:?}");
    insta::assert_snapshot!(table);
    let none = folder.succeeded(&["templates", "--data", "kept", "--service", "stork"]);
    assert!(none.starts_with("No templates."), "{none}");
}

#[test]
fn mistakes_are_told() {
    let folder = Folder::new();
    std::fs::write(folder.path().join("a.traces.otlp"), [9, 1, 2]).unwrap();
    let failed = |arguments: &[&str]| {
        let output = folder.aia(arguments);
        assert_eq!(text(&output.stdout), "");
        format!("{} {}", output.status.code().unwrap(), text(&output.stderr))
    };
    insta::assert_snapshot!(failed(&["replay", "a.traces.otlp"]), @r"
    1 error: cannot replay
    cause: `a.traces.otlp` is damaged at byte 0
    cause: the file ends within a request
    help: `--keep-going` passes over what is damaged and says so
    ");
    insta::assert_snapshot!(failed(&["replay", "a.txt"]), @r"
    2 error: cannot replay
    cause: cannot tell what `a.txt` is: a recording ends in `.otlp` (requests in protobuf, each behind its length), `.jsonl` or `.json` (a request a line), and may be compressed (`.zst`, `.gz`)
    ");
    insta::assert_snapshot!(failed(&["replay", "none.jsonl"]), @r"
    1 error: cannot replay
    cause: cannot read `none.jsonl`
    cause: No such file or directory (os error 2)
    ");
    insta::assert_snapshot!(failed(&["backtest", "errors.wasm", "--data", "none"]), @r"
    1 error: there is no data folder `none`
    help: `--data` names another one; `aia up` makes one
    ");
}

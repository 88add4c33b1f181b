//! Back tests of the built-in detector and of the one that misbehaves, on a folder that a replay made.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::*;
use crate::config::Config;
use crate::core::OfflineHost;
use crate::replay::ReplayOptions;
use crate::replay::tests::{START, host, options, request, runtime};
use crate::server::default_scope;

/// A folder with a minute of failing spans and what `errors` found in it.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.jsonl");
    std::fs::write(&file, request(0..60)).unwrap();
    let kept = ReplayOptions {
        into: Some(folder.path().join("data")),
        ..options(&[file])
    };
    host().replay(&kept, &mut |_| {}).unwrap();
    folder
}

fn component(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn test(
    folder: &Path,
    plugin: PathBuf,
    config: &str,
    from: u64,
    to: u64,
) -> Result<Backtested, BacktestError> {
    let settings = Config {
        data: folder.join("data"),
        ..Config::defaults().unwrap()
    };
    let options = BacktestOptions {
        plugin,
        config: config.to_owned(),
        scope: default_scope().unwrap(),
        from,
        to,
    };
    OfflineHost::backtest_in(&runtime(), &settings, &options)
}

/// Every file with its bytes.
fn bytes_of(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files.insert(path.clone(), Vec::new());
                folders.push(path);
            } else {
                files.insert(path.clone(), std::fs::read(&path).unwrap());
            }
        }
    }
    files
}

#[test]
fn the_same_detector_finds_the_same_and_changes_nothing() {
    let folder = folder();
    let before = bytes_of(&folder.path().join("data"));
    let plugin = component(folder.path(), "mine.wasm", aia_plugins::ERRORS);
    let tested = test(folder.path(), plugin.clone(), "{}", 0, u64::MAX).unwrap();
    assert!(tested.now > 0 && tested.now == tested.then, "{tested:?}");
    assert!(
        tested
            .signals
            .iter()
            .all(|signal| signal.found == Match::Same && signal.now == signal.then),
        "{tested:?}"
    );
    assert_eq!((tested.rows, tested.lost_segments), (60, 0));
    assert_eq!(test(folder.path(), plugin, "{}", 0, u64::MAX).unwrap(), tested);
    assert_eq!(bytes_of(&folder.path().join("data")), before);
}

#[test]
fn another_detector_stands_beside_nothing() {
    let folder = folder();
    let evil = component(folder.path(), "evil.wasm", aia_plugins::EVIL);
    let tested = test(folder.path(), evil, "{}", 0, u64::MAX).unwrap();
    assert_eq!(tested.then, 0);
    assert!(tested.signals.iter().all(|signal| signal.found == Match::OnlyNow));
}

#[test]
fn only_the_time_asked_for_is_read_and_compared() {
    let folder = folder();
    let plugin = component(folder.path(), "mine.wasm", aia_plugins::ERRORS);
    let second = 1_000_000_000;
    let (from, to) = (START + 20 * second, START + 40 * second);
    let tested = test(folder.path(), plugin.clone(), "{}", from, to).unwrap();
    assert_eq!((tested.rows, tested.segments), (20, 2));
    assert!(tested.start_time >= from && tested.end_time <= to);
    let error = test(folder.path(), plugin, "{}", 0, START - 1).unwrap_err();
    insta::assert_snapshot!(error, @"default/default has no telemetry of that time");
}

#[test]
fn a_detector_that_fails_is_told_with_its_segment() {
    let folder = folder();
    let evil = component(folder.path(), "evil.wasm", aia_plugins::EVIL);
    let error = test(folder.path(), evil.clone(), r#"{"deed":"trap"}"#, 0, u64::MAX).unwrap_err();
    insta::assert_snapshot!(error, @"the detector fails on segment 1, received at 2026-11-23T12:00:09.500000000Z");
    let open = test(
        folder.path(),
        evil,
        r#"{"deed":"error","stage":"open"}"#,
        0,
        u64::MAX,
    )
    .unwrap_err();
    assert!(matches!(open, BacktestError::Open(_)), "{open}");
    let text = component(folder.path(), "text.wasm", b"no component");
    let error = test(folder.path(), text, "{}", 0, u64::MAX).unwrap_err();
    assert!(matches!(error, BacktestError::Plugin { .. }), "{error}");
    let report = component(folder.path(), "report.wasm", aia_plugins::REPORT);
    let error = test(folder.path(), report, "{}", 0, u64::MAX).unwrap_err();
    assert!(matches!(error, BacktestError::NoDetector { .. }), "{error}");
}

#[test]
fn a_folder_without_a_store_is_left_without() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    let plugin = component(folder.path(), "mine.wasm", aia_plugins::ERRORS);
    let error = test(folder.path(), plugin, "{}", 0, u64::MAX).unwrap_err();
    insta::assert_snapshot!(error, @"cannot open the store");
    assert_eq!(bytes_of(&folder.path().join("data")).len(), 0);
}

/// As beside a host that is up: its store is open, and what it was told last is only in the database's log.
#[test]
fn a_store_in_use_is_read_as_it_stands() {
    let folder = folder();
    let store = crate::store::sqlite::Sqlite::open(&folder.path().join("data/aia.db")).unwrap();
    let plugin = component(folder.path(), "mine.wasm", aia_plugins::ERRORS);
    let scope = default_scope().unwrap();
    store.ensure_project(&scope, 1).unwrap();
    let tested = test(folder.path(), plugin, "{}", 0, u64::MAX).unwrap();
    assert_eq!(tested.now, tested.then);
    assert!(folder.path().join("data/aia.db-wal").exists());
    store.check().unwrap();
}

//! What can go wrong when a plugin is asked for its manifest.

use std::time::Duration;

use aia::runtime::{Granted, Plugin};
use aia_plugin_evil::{Config, Deed, Description, Stage};
use insta::assert_snapshot;
use std::sync::Arc;

use super::support::{act, described, impatient, runtime_with};

/// Names the test of each: one without a test doesn't compile.
const _: fn(Description) -> fn() = |description| match description {
    Description::Behave => behaving,
    Description::Loop => looping_for_ever,
    Description::Trap => trapping,
    Description::Allocate => allocating_for_ever,
    Description::BadName => a_bad_name,
    Description::Modest => asking_for_less,
    Description::Greedy => asking_for_more,
};

fn load(description: Description) -> Result<Arc<Plugin>, String> {
    runtime_with(impatient())
        .load("evil.wasm", &described(description))
        .map_err(|error| aia::chain(&error))
}

#[test]
fn behaving() {
    let plugin = load(Description::Behave).unwrap();

    assert_eq!(
        (plugin.name(), plugin.kind().as_str(), plugin.contract_version()),
        ("evil", "detector", "0.1.0")
    );
    assert_eq!(
        plugin.digest(),
        blake3::hash(aia_plugins::EVIL).to_hex().to_string()
    );
    assert_eq!(plugin.size(), aia_plugins::EVIL.len());
    let imports: Vec<_> = plugin
        .imports()
        .iter()
        .map(|import| import.name.as_str())
        .collect();
    assert_eq!(
        imports,
        ["aia:plugin/telemetry@0.1.0", "aia:plugin/signals@0.1.0"]
    );
    let exports: Vec<_> = plugin
        .exports()
        .iter()
        .map(|export| (export.name.as_str(), export.functions.len()))
        .collect();
    assert_eq!(
        exports,
        [("aia:plugin/detector@0.1.0", 6), ("aia:plugin/manifest@0.1.0", 1)]
    );
}

#[test]
fn looping_for_ever() {
    assert_snapshot!(load(Description::Loop).unwrap_err(), @"plugin `evil.wasm` can't be loaded: it couldn't be asked for its manifest: plugin `evil.wasm`: describe took longer than 900 ms (limit `open-time`)");
}

#[test]
fn trapping() {
    assert_snapshot!(load(Description::Trap).unwrap_err(), @"plugin `evil.wasm` can't be loaded: it couldn't be asked for its manifest: plugin `evil.wasm`: describe trapped: wasm `unreachable` instruction executed");
}

#[test]
fn allocating_for_ever() {
    assert_snapshot!(load(Description::Allocate).unwrap_err(), @"plugin `evil.wasm` can't be loaded: it couldn't be asked for its manifest: plugin `evil.wasm`: describe has 67108864 bytes of memory and wanted 67239936; at most 67108864 are allowed (limit `memory-bytes`)");
}

#[test]
fn a_bad_name() {
    assert_snapshot!(load(Description::BadName).unwrap_err(), @"plugin `evil.wasm` can't be loaded: its manifest's `name` is `Evil!`; it must be 1 to 40 lower-case letters, digits and hyphens, starting with a letter");
}

#[test]
fn asking_for_more() {
    let limits = impatient();
    let granted = load(Description::Greedy).unwrap().granted();

    let Granted {
        memory_bytes,
        call_time,
        snapshot_bytes,
    } = granted;
    assert_eq!(
        (memory_bytes, call_time, snapshot_bytes),
        (limits.memory_bytes, limits.call_time, limits.snapshot_bytes)
    );
}

#[test]
fn asking_for_less() {
    let plugin = load(Description::Modest).unwrap();
    let Granted {
        memory_bytes,
        call_time,
        snapshot_bytes,
    } = plugin.granted();
    assert_eq!(
        (memory_bytes, call_time, snapshot_bytes),
        (8 << 20, Duration::from_millis(50), 1_000)
    );

    let failed = |stage, deed, count| {
        let (result, _) = act(
            &plugin,
            &Config {
                stage,
                deed,
                count,
                ..Config::default()
            },
        );
        result.unwrap_err().to_string()
    };
    assert_snapshot!(failed(Stage::Observe, Deed::Allocate, 0), @"plugin `evil`: observe-spans has 8388608 bytes of memory and wanted 8519680; at most 8388608 are allowed (limit `memory-bytes`)");
    assert_snapshot!(failed(Stage::Observe, Deed::Loop, 0), @"plugin `evil`: observe-spans took longer than 50 ms (limit `call-time`)");
    assert_snapshot!(failed(Stage::Snapshot, Deed::Bytes, 1_001), @"plugin `evil`: snapshot gave a snapshot of 1001 bytes; at most 1000 are allowed (limit `snapshot-bytes`)");
}

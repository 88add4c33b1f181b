//! Every misdeed, at every stage where it makes a difference: the exact words that an operator reads.

use aia::runtime::Limits;
use aia_plugin_evil::{Config, Deed, Stage};
use insta::assert_snapshot;

use super::support::{
    act, earlier, evil, impatient, limits, logs, metrics, misdeed, misdeed_on, open, runtime, runtime_with,
    spans,
};

/// Names the test of each misdeed: one without a test doesn't compile.
const _: fn(Deed) -> fn() = |deed| match deed {
    Deed::Behave => behaving_is_possible,
    Deed::Loop => looping_for_ever,
    Deed::Allocate => allocating_for_ever,
    Deed::Recurse => recursing_for_ever,
    Deed::Trap => trapping,
    Deed::Error => giving_errors,
    Deed::RefuseSnapshot => refusing_the_snapshot,
    Deed::Bytes => giving_too_many_bytes,
    Deed::Nowhere => giving_a_gigabyte_that_is_not_there,
    Deed::Signals => giving_too_many_signals,
    Deed::Flaw => super::flaws::every_flaw_is_found,
    Deed::Log => logging_too_much,
    Deed::Plant | Deed::Scavenge => super::isolation::nothing_of_an_instance_is_left_for_the_next,
};

fn at(stage: Stage, deed: Deed) -> Config {
    Config {
        deed,
        stage,
        ..Config::default()
    }
}

fn count(stage: Stage, deed: Deed, count: usize) -> Config {
    Config {
        deed,
        stage,
        count,
        ..Config::default()
    }
}

#[test]
fn what_a_plugin_does_not_read_is_not_handed_to_it() {
    let runtime = runtime();
    let plugin = runtime.load("latency.wasm", aia_plugins::LATENCY).unwrap();
    let mut session = plugin.open_session("{}", None).unwrap();
    let before = plugin.stats().calls();
    for batch in [logs(1), metrics(2)] {
        assert_eq!(session.observe(&batch, &earlier()).unwrap().signals, []);
    }
    assert_eq!(plugin.stats().calls(), before);
    session.observe(&spans(3), &earlier()).unwrap();
    assert_eq!(plugin.stats().calls(), before + 1);
}

#[test]
fn behaving_is_possible() {
    let runtime = runtime();
    let plugin = evil(&runtime);
    let mut session = open(&plugin, &Config::default()).unwrap();
    for batch in [spans(1), logs(2), metrics(3)] {
        session.observe(&batch, &earlier()).unwrap();
    }
    session.tick(10_000_000_000, &earlier()).unwrap();
    let snapshot = session.snapshot().unwrap();
    assert_eq!(snapshot, [4]);

    let mut restored = plugin.open_session("{}", Some(&snapshot)).unwrap();
    restored.observe(&spans(4), &earlier()).unwrap();
    assert_eq!(restored.snapshot().unwrap(), [5]);

    let stats = plugin.stats();
    // The manifest, two sessions opened, five calls that observe, two snapshots.
    assert_eq!(
        (stats.calls(), stats.sessions_opened(), stats.all_failures()),
        (10, 2, 0)
    );
    assert!(!stats.time().is_zero());
    assert!(session.memory_bytes() > 0);
}

#[test]
fn looping_for_ever() {
    assert_snapshot!(misdeed_on(&runtime_with(impatient()), &at(Stage::Open, Deed::Loop)), @"plugin `evil`: open took longer than 900 ms (limit `open-time`) [time]");
    assert_snapshot!(misdeed_on(&runtime_with(impatient()), &at(Stage::Observe, Deed::Loop)), @"plugin `evil`: observe-spans took longer than 700 ms (limit `call-time`) [time]");
    assert_snapshot!(misdeed_on(&runtime_with(impatient()), &at(Stage::Tick, Deed::Loop)), @"plugin `evil`: tick took longer than 700 ms (limit `call-time`) [time]");
    assert_snapshot!(misdeed_on(&runtime_with(impatient()), &at(Stage::Snapshot, Deed::Loop)), @"plugin `evil`: snapshot took longer than 700 ms (limit `call-time`) [time]");
}

#[test]
fn allocating_for_ever() {
    assert_snapshot!(misdeed(&at(Stage::Open, Deed::Allocate)), @"plugin `evil`: open has 67108864 bytes of memory and wanted 67239936; at most 67108864 are allowed (limit `memory-bytes`) [memory]");
    assert_snapshot!(misdeed(&at(Stage::Observe, Deed::Allocate)), @"plugin `evil`: observe-spans has 67108864 bytes of memory and wanted 67239936; at most 67108864 are allowed (limit `memory-bytes`) [memory]");
    assert_snapshot!(misdeed(&at(Stage::Tick, Deed::Allocate)), @"plugin `evil`: tick has 67108864 bytes of memory and wanted 67239936; at most 67108864 are allowed (limit `memory-bytes`) [memory]");
    assert_snapshot!(misdeed(&at(Stage::Snapshot, Deed::Allocate)), @"plugin `evil`: snapshot has 67108864 bytes of memory and wanted 67239936; at most 67108864 are allowed (limit `memory-bytes`) [memory]");
}

#[test]
fn recursing_for_ever() {
    assert_snapshot!(misdeed(&at(Stage::Open, Deed::Recurse)), @"plugin `evil`: open recursed too deep: its stack may have 524288 bytes (limit `stack-bytes`) [stack]");
    assert_snapshot!(misdeed(&at(Stage::Observe, Deed::Recurse)), @"plugin `evil`: observe-spans recursed too deep: its stack may have 524288 bytes (limit `stack-bytes`) [stack]");
    assert_snapshot!(misdeed(&at(Stage::Tick, Deed::Recurse)), @"plugin `evil`: tick recursed too deep: its stack may have 524288 bytes (limit `stack-bytes`) [stack]");
    assert_snapshot!(misdeed(&at(Stage::Snapshot, Deed::Recurse)), @"plugin `evil`: snapshot recursed too deep: its stack may have 524288 bytes (limit `stack-bytes`) [stack]");
}

#[test]
fn trapping() {
    assert_snapshot!(misdeed(&at(Stage::Open, Deed::Trap)), @"plugin `evil`: open trapped: wasm `unreachable` instruction executed [trap]");
    assert_snapshot!(misdeed(&at(Stage::Observe, Deed::Trap)), @"plugin `evil`: observe-spans trapped: wasm `unreachable` instruction executed [trap]");
    assert_snapshot!(misdeed(&at(Stage::Tick, Deed::Trap)), @"plugin `evil`: tick trapped: wasm `unreachable` instruction executed [trap]");
    assert_snapshot!(misdeed(&at(Stage::Snapshot, Deed::Trap)), @"plugin `evil`: snapshot trapped: wasm `unreachable` instruction executed [trap]");
}

#[test]
fn the_call_that_failed_is_named_for_each_kind_of_batch() {
    let runtime = runtime();
    let plugin = evil(&runtime);
    let failed = |batch| {
        let mut session = open(&plugin, &at(Stage::Observe, Deed::Trap)).unwrap();
        session.observe(&batch, &earlier()).unwrap_err().to_string()
    };

    assert_snapshot!(failed(logs(1)), @"plugin `evil`: observe-logs trapped: wasm `unreachable` instruction executed");
    assert_snapshot!(failed(metrics(1)), @"plugin `evil`: observe-metrics trapped: wasm `unreachable` instruction executed");
}

#[test]
fn giving_errors() {
    // In `open` that is how a plugin refuses its configuration.
    assert_snapshot!(misdeed(&at(Stage::Open, Deed::Error)), @"plugin `evil`: open refused its configuration: as asked��[31m [refused]");
    assert_snapshot!(misdeed(&at(Stage::Observe, Deed::Error)), @"plugin `evil`: observe-spans gave an error: as asked��[31m [error]");
    assert_snapshot!(misdeed(&at(Stage::Tick, Deed::Error)), @"plugin `evil`: tick gave an error: as asked��[31m [error]");
}

#[test]
fn a_configuration_that_the_plugin_cannot_read_is_refused() {
    let error = evil(&runtime())
        .open_session(r#"{"no such": 1}"#, None)
        .unwrap_err();

    assert_snapshot!(error, @"plugin `evil`: open refused its configuration: unknown field `no such`, expected one of `deed`, `stage`, `flaw`, `count`, `text` at line 1 column 10");
}

#[test]
fn refusing_the_snapshot() {
    let runtime = runtime();
    let plugin = evil(&runtime);
    let config = serde_json::to_string(&at(Stage::Observe, Deed::RefuseSnapshot)).unwrap();

    let error = plugin.open_session(&config, Some(&[1])).unwrap_err();
    assert_snapshot!(error, @"plugin `evil`: open refused its snapshot: as asked");
    assert_eq!(runtime.live_instances(), 0);
    // The host goes on without it.
    plugin.open_session(&config, None).unwrap();
}

#[test]
fn a_snapshot_that_is_too_large_is_not_handed_in() {
    let error = evil(&runtime())
        .open_session("{}", Some(&vec![0; (1 << 20) + 1]))
        .unwrap_err();

    assert_snapshot!(error, @"plugin `evil`: open can't be given a snapshot of 1048577 bytes; at most 1048576 are allowed (limit `snapshot-bytes`)");
    assert_eq!(error.failure.reason(), None, "the plugin isn't to blame");
}

#[test]
fn giving_too_many_bytes() {
    let twenty = 20 << 20;
    assert_snapshot!(misdeed(&count(Stage::Open, Deed::Bytes, twenty)), @"plugin `evil`: open gave more than 16777216 bytes (limit `returned-bytes`) [size]");
    assert_snapshot!(misdeed(&count(Stage::Observe, Deed::Bytes, twenty)), @"plugin `evil`: observe-spans gave more than 16777216 bytes (limit `returned-bytes`) [size]");
    assert_snapshot!(misdeed(&count(Stage::Tick, Deed::Bytes, twenty)), @"plugin `evil`: tick gave more than 16777216 bytes (limit `returned-bytes`) [size]");
    assert_snapshot!(misdeed(&count(Stage::Snapshot, Deed::Bytes, twenty)), @"plugin `evil`: snapshot gave more than 16777216 bytes (limit `returned-bytes`) [size]");
    // Less than that, but more than a snapshot may have.
    assert_snapshot!(misdeed(&count(Stage::Snapshot, Deed::Bytes, (1 << 20) + 1)), @"plugin `evil`: snapshot gave a snapshot of 1048577 bytes; at most 1048576 are allowed (limit `snapshot-bytes`) [size]");
    // A long error is cut.
    let long = misdeed(&count(Stage::Observe, Deed::Bytes, 5_000));
    assert_eq!(
        long,
        format!(
            "plugin `evil`: observe-spans gave an error: {}… [error]",
            "x".repeat(1_024)
        )
    );

    let (result, _) = act(&evil(&runtime()), &count(Stage::Snapshot, Deed::Bytes, 1 << 20));
    result.expect("as large as a snapshot may be");
}

#[test]
fn giving_a_gigabyte_that_is_not_there() {
    let gigabyte = 1 << 30;
    assert_snapshot!(misdeed(&count(Stage::Open, Deed::Nowhere, gigabyte)), @"plugin `evil`: open broke the contract: string pointer/length out of bounds of memory [invalid]");
    assert_snapshot!(misdeed(&count(Stage::Observe, Deed::Nowhere, gigabyte)), @"plugin `evil`: observe-spans broke the contract: string pointer/length out of bounds of memory [invalid]");
    assert_snapshot!(misdeed(&count(Stage::Tick, Deed::Nowhere, gigabyte)), @"plugin `evil`: tick broke the contract: string pointer/length out of bounds of memory [invalid]");
    assert_snapshot!(misdeed(&count(Stage::Snapshot, Deed::Nowhere, gigabyte)), @"plugin `evil`: snapshot broke the contract: list pointer/length out of bounds of memory [invalid]");
}

#[test]
fn giving_too_many_signals() {
    assert_snapshot!(misdeed(&count(Stage::Observe, Deed::Signals, 1_001)), @"plugin `evil`: observe-spans gave a list of 1001 signals; at most 1000 are allowed (limit `signals`) [size]");
    assert_snapshot!(misdeed(&count(Stage::Tick, Deed::Signals, 1_001)), @"plugin `evil`: tick gave a list of 1001 signals; at most 1000 are allowed (limit `signals`) [size]");
    // A million don't fit into the plugin's memory.
    assert_snapshot!(misdeed(&count(Stage::Observe, Deed::Signals, 1_000_000)), @"plugin `evil`: observe-spans has 58851328 bytes of memory and wanted 98762752; at most 67108864 are allowed (limit `memory-bytes`) [memory]");
    // Fewer that do are still more than the host takes.
    let larger = runtime_with(Limits {
        memory_bytes: 512 << 20,
        ..limits()
    });
    assert_snapshot!(misdeed_on(&larger, &count(Stage::Observe, Deed::Signals, 200_000)), @"plugin `evil`: observe-spans gave more than 16777216 bytes (limit `returned-bytes`) [size]");

    let (result, _) = act(&evil(&runtime()), &count(Stage::Observe, Deed::Signals, 1_000));
    assert_eq!(result.unwrap().signals.len(), 1_000, "as many as a call may give");
}

#[test]
fn logging_too_much() {
    let (result, _) = act(&evil(&runtime()), &count(Stage::Observe, Deed::Log, 2_000));

    let logs = result.unwrap().logs;
    assert_eq!(logs.len(), 101);
    assert_eq!(logs[0].message, format!("{}…", "x\u{fffd}".repeat(512)));
    assert_snapshot!(logs[100].message, @"1900 more log lines were dropped (limit `log-lines`)");
}

#[test]
fn a_plugin_has_its_whole_time_whatever_its_neighbours_took() {
    // The time of a call counts from its start, not from that of the session.
    let limits = impatient();
    let runtime = runtime_with(limits.clone());
    let plugin = evil(&runtime);
    let mut session = open(&plugin, &Config::default()).unwrap();
    std::thread::sleep(limits.call_time * 2);

    session.observe(&spans(1), &earlier()).unwrap();
}

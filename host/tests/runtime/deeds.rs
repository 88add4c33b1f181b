//! Every misdeed, at every stage where it makes a difference: the exact words that an operator reads.

use aia::runtime::Limits;
use aia_plugin_evil::{Config, Deed, Stage};
use insta::assert_snapshot;

use super::support::{act, earlier, evil, limits, logs, metrics, misdeed, misdeed_on, open, runtime, runtime_with, spans};

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
    Config { deed, stage, ..Config::default() }
}

fn count(stage: Stage, deed: Deed, count: usize) -> Config {
    Config { deed, stage, count, ..Config::default() }
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
    assert_eq!((stats.calls(), stats.sessions_opened(), stats.all_failures()), (10, 2, 0));
    assert!(!stats.time().is_zero());
    assert!(session.memory_bytes() > 0);
}

#[test]
fn looping_for_ever() {
    assert_snapshot!(misdeed(&at(Stage::Open, Deed::Loop)), @"");
    assert_snapshot!(misdeed(&at(Stage::Observe, Deed::Loop)), @"");
    assert_snapshot!(misdeed(&at(Stage::Tick, Deed::Loop)), @"");
    assert_snapshot!(misdeed(&at(Stage::Snapshot, Deed::Loop)), @"");
}

#[test]
fn allocating_for_ever() {
    assert_snapshot!(misdeed(&at(Stage::Open, Deed::Allocate)), @"");
    assert_snapshot!(misdeed(&at(Stage::Observe, Deed::Allocate)), @"");
    assert_snapshot!(misdeed(&at(Stage::Tick, Deed::Allocate)), @"");
    assert_snapshot!(misdeed(&at(Stage::Snapshot, Deed::Allocate)), @"");
}

#[test]
fn recursing_for_ever() {
    assert_snapshot!(misdeed(&at(Stage::Open, Deed::Recurse)), @"");
    assert_snapshot!(misdeed(&at(Stage::Observe, Deed::Recurse)), @"");
    assert_snapshot!(misdeed(&at(Stage::Tick, Deed::Recurse)), @"");
    assert_snapshot!(misdeed(&at(Stage::Snapshot, Deed::Recurse)), @"");
}

#[test]
fn trapping() {
    assert_snapshot!(misdeed(&at(Stage::Open, Deed::Trap)), @"");
    assert_snapshot!(misdeed(&at(Stage::Observe, Deed::Trap)), @"");
    assert_snapshot!(misdeed(&at(Stage::Tick, Deed::Trap)), @"");
    assert_snapshot!(misdeed(&at(Stage::Snapshot, Deed::Trap)), @"");
}

#[test]
fn the_call_that_failed_is_named_for_each_kind_of_batch() {
    let runtime = runtime();
    let plugin = evil(&runtime);
    let failed = |batch| {
        let mut session = open(&plugin, &at(Stage::Observe, Deed::Trap)).unwrap();
        session.observe(&batch, &earlier()).unwrap_err().to_string()
    };

    assert_snapshot!(failed(logs(1)), @"");
    assert_snapshot!(failed(metrics(1)), @"");
}

#[test]
fn giving_errors() {
    // In `open` that is how a plugin refuses its configuration.
    assert_snapshot!(misdeed(&at(Stage::Open, Deed::Error)), @"");
    assert_snapshot!(misdeed(&at(Stage::Observe, Deed::Error)), @"");
    assert_snapshot!(misdeed(&at(Stage::Tick, Deed::Error)), @"");
}

#[test]
fn a_configuration_that_the_plugin_cannot_read_is_refused() {
    let error = evil(&runtime()).open_session(r#"{"no such": 1}"#, None).unwrap_err();

    assert_snapshot!(error, @"");
}

#[test]
fn refusing_the_snapshot() {
    let runtime = runtime();
    let plugin = evil(&runtime);
    let config = serde_json::to_string(&at(Stage::Observe, Deed::RefuseSnapshot)).unwrap();

    let error = plugin.open_session(&config, Some(&[1])).unwrap_err();
    assert_snapshot!(error, @"");
    assert_eq!(runtime.live_instances(), 0);
    // The host goes on without it.
    plugin.open_session(&config, None).unwrap();
}

#[test]
fn a_snapshot_that_is_too_large_is_not_handed_in() {
    let error = evil(&runtime()).open_session("{}", Some(&vec![0; (1 << 20) + 1])).unwrap_err();

    assert_snapshot!(error, @"");
    assert_eq!(error.failure.reason(), None, "the plugin isn't to blame");
}

#[test]
fn giving_too_many_bytes() {
    let twenty = 20 << 20;
    assert_snapshot!(misdeed(&count(Stage::Open, Deed::Bytes, twenty)), @"");
    assert_snapshot!(misdeed(&count(Stage::Observe, Deed::Bytes, twenty)), @"");
    assert_snapshot!(misdeed(&count(Stage::Tick, Deed::Bytes, twenty)), @"");
    assert_snapshot!(misdeed(&count(Stage::Snapshot, Deed::Bytes, twenty)), @"");
    // Less than that, but more than a snapshot may have.
    assert_snapshot!(misdeed(&count(Stage::Snapshot, Deed::Bytes, (1 << 20) + 1)), @"");
    // A long error is cut.
    let long = misdeed(&count(Stage::Observe, Deed::Bytes, 5_000));
    assert_eq!(long, format!("plugin `evil`: observe-spans gave an error: {}… [error]", "x".repeat(1_024)));

    let (result, _) = act(&evil(&runtime()), &count(Stage::Snapshot, Deed::Bytes, 1 << 20));
    result.expect("as large as a snapshot may be");
}

#[test]
fn giving_a_gigabyte_that_is_not_there() {
    let gigabyte = 1 << 30;
    assert_snapshot!(misdeed(&count(Stage::Open, Deed::Nowhere, gigabyte)), @"");
    assert_snapshot!(misdeed(&count(Stage::Observe, Deed::Nowhere, gigabyte)), @"");
    assert_snapshot!(misdeed(&count(Stage::Tick, Deed::Nowhere, gigabyte)), @"");
    assert_snapshot!(misdeed(&count(Stage::Snapshot, Deed::Nowhere, gigabyte)), @"");
}

#[test]
fn giving_too_many_signals() {
    assert_snapshot!(misdeed(&count(Stage::Observe, Deed::Signals, 1_001)), @"");
    assert_snapshot!(misdeed(&count(Stage::Tick, Deed::Signals, 1_001)), @"");
    // A million don't fit into the plugin's memory.
    assert_snapshot!(misdeed(&count(Stage::Observe, Deed::Signals, 1_000_000)), @"");
    // And where they do, they are more than the host takes.
    let larger = runtime_with(Limits { memory_bytes: 2 << 30, ..Limits::default() });
    assert_snapshot!(misdeed_on(&larger, &count(Stage::Observe, Deed::Signals, 1_000_000)), @"");

    let (result, _) = act(&evil(&runtime()), &count(Stage::Observe, Deed::Signals, 1_000));
    assert_eq!(result.unwrap().signals.len(), 1_000, "as many as a call may give");
}

#[test]
fn logging_too_much() {
    let (result, _) = act(&evil(&runtime()), &count(Stage::Observe, Deed::Log, 2_000));

    let logs = result.unwrap().logs;
    assert_eq!(logs.len(), 101);
    assert_eq!(logs[0].message, format!("{}…", "x\u{fffd}".repeat(512)));
    assert_snapshot!(logs[100].message, @"");
}

#[test]
fn a_plugin_has_its_whole_time_whatever_its_neighbours_took() {
    // The time of a call counts from its start, not from that of the session.
    let limits = limits();
    let runtime = runtime_with(limits.clone());
    let plugin = evil(&runtime);
    let mut session = open(&plugin, &Config::default()).unwrap();
    std::thread::sleep(limits.call_time * 2);

    session.observe(&spans(1), &earlier()).unwrap();
}

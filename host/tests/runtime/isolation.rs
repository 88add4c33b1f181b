//! What one session can do to others, and what it leaves behind.

use std::thread;
use std::time::{Duration, Instant};

use aia::runtime::{Allocation, Limits};
use aia_plugin_evil::{Config, Deed, Stage};
use insta::assert_snapshot;

use super::support::{act, earlier, evil, impatient, limits, open, runtime, runtime_with, spans};

/// What is looked for, in a form that isn't found itself: each byte plus one.
fn disguised(text: &str) -> String {
    text.chars()
        .map(|char| char::from_u32(char as u32 + 1).unwrap())
        .collect()
}

fn found(plugin: &std::sync::Arc<aia::runtime::Plugin>, text: &str) -> String {
    let config = Config {
        deed: Deed::Scavenge,
        count: 12 << 20,
        text: disguised(text),
        ..Config::default()
    };
    act(plugin, &config).0.unwrap_err().to_string()
}

#[test]
pub(crate) fn nothing_of_an_instance_is_left_for_the_next() {
    let runtime = runtime();
    let plugin = evil(&runtime);
    let secret = "the previous tenant's secret";
    let plant = Config {
        deed: Deed::Plant,
        count: 10 << 20,
        text: secret.to_owned(),
        ..Config::default()
    };

    for _ in 0..4 {
        let (planted, session) = act(&plugin, &plant);
        planted.unwrap();
        assert!(session.unwrap().memory_bytes() > 10 << 20, "it is in memory");
        // The pool gives the same piece of memory to the next instance of the same plugin.
        assert_eq!(
            found(&plugin, secret),
            "plugin `evil`: observe-spans gave an error: 0"
        );
    }
    // It does find what is there: this is compiled into the plugin.
    assert_ne!(
        found(&plugin, "Misbehaves, for tests"),
        "plugin `evil`: observe-spans gave an error: 0"
    );
}

#[test]
fn a_session_that_never_ends_does_not_hold_up_others() {
    let runtime = runtime_with(impatient());
    let plugin = evil(&runtime);
    let looping = thread::spawn({
        let plugin = std::sync::Arc::clone(&plugin);
        move || {
            act(
                &plugin,
                &Config {
                    deed: Deed::Loop,
                    ..Config::default()
                },
            )
            .0
            .unwrap_err()
            .to_string()
        }
    });

    let mut neighbour = open(&plugin, &Config::default()).unwrap();
    let mut calls = 0_u64;
    while !looping.is_finished() {
        calls += 1;
        neighbour.observe(&spans(calls), &earlier()).unwrap();
    }
    assert!(
        calls > 10,
        "only {calls} calls while the other session was running"
    );
    looping.join().unwrap();
}

#[test]
fn a_call_is_ended_soon_after_its_time_is_up() {
    let runtime = runtime_with(impatient());
    let plugin = evil(&runtime);
    let started = Instant::now();
    act(
        &plugin,
        &Config {
            deed: Deed::Loop,
            ..Config::default()
        },
    )
    .0
    .unwrap_err();

    let took = started.elapsed();
    assert!(took >= impatient().call_time, "it has its time: {took:?}");
    assert!(
        took < impatient().call_time + Duration::from_secs(5),
        "and little more: {took:?}"
    );
}

#[test]
fn memory_is_given_back() {
    let runtime = runtime();
    let plugin = evil(&runtime);
    let round = || {
        for deed in [Deed::Allocate, Deed::Trap, Deed::Recurse, Deed::Behave] {
            // What fails and what doesn't: both end here.
            let _ = act(
                &plugin,
                &Config {
                    deed,
                    stage: Stage::Observe,
                    ..Config::default()
                },
            );
        }
    };
    (0..3).for_each(|_| round());
    let before = resident_bytes();
    (0..20).for_each(|_| round());
    let after = resident_bytes();

    assert_eq!(plugin.stats().live_instances(), 0);
    assert!(runtime.pooled_memories().is_none_or(|memories| memories == 0));
    // Twenty times 64 MiB were taken; other tests may run in this process.
    assert!(
        after < before + (200 << 20),
        "{before} bytes resident before, {after} after"
    );
}

/// Bytes of memory that this process has in use.
fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

#[test]
fn there_are_so_many_instances_and_no_more() {
    let runtime = runtime_with(Limits {
        instances: 2,
        ..limits()
    });
    let plugin = evil(&runtime);
    let first = open(&plugin, &Config::default()).unwrap();
    let _second = open(&plugin, &Config::default()).unwrap();

    let error = open(&plugin, &Config::default()).unwrap_err();
    assert_snapshot!(error, @"plugin `evil`: open found no free instance: 2 are in use (limit `instances`)");
    assert_eq!(
        (error.failure.reason(), plugin.stats().all_failures()),
        (None, 0),
        "the plugin isn't to blame"
    );

    drop(first);
    open(&plugin, &Config::default()).unwrap();
}

#[test]
fn a_pool_of_instances_can_be_used_to_the_last() {
    let runtime = runtime_with(Limits {
        instances: 100,
        ..limits()
    });
    let plugin = evil(&runtime);
    if runtime.allocation() != (Allocation::Pooled { instances: 100 }) {
        return;
    }
    let sessions: Vec<_> = (0..100)
        .map(|_| open(&plugin, &Config::default()).unwrap())
        .collect();

    assert_eq!(runtime.pooled_memories(), Some(100));
    drop(sessions);
    assert_eq!(runtime.pooled_memories(), Some(0));
}

#[test]
fn sessions_outlive_the_runtime_and_keep_their_limits() {
    let plugin = {
        let runtime = runtime_with(impatient());
        evil(&runtime)
    };

    let (result, _) = act(
        &plugin,
        &Config {
            deed: Deed::Loop,
            ..Config::default()
        },
    );
    assert_snapshot!(result.unwrap_err(), @"plugin `evil`: observe-spans took longer than 700 ms (limit `call-time`)");
}

#[test]
fn a_detector_renders_nothing() {
    let runtime = runtime();
    let report = runtime.load("report", aia_plugins::REPORT).unwrap();

    assert_snapshot!(report.open_session("{}", None).unwrap_err(), @"plugin `report`: open isn't possible: it is a plugin of kind reporter");
}

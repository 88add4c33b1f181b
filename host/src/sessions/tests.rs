//! Sessions around a plugin that fails, with a real log, store and runtime.

use std::time::Instant;

use super::*;
use crate::log::tests::{Fixture, append, scope};
use crate::runtime::{CompilerConfig, Runtime, RuntimeConfig};

/// A busy machine compiles and runs slowly.
const DEADLINE: Duration = Duration::from_secs(60);

fn detectors(evil_config: &str) -> Vec<Detector> {
    let runtime = Runtime::new(RuntimeConfig::new(CompilerConfig::InProcess)).unwrap();
    let load = |name, bytes| runtime.load(name, bytes).unwrap();
    vec![
        Detector {
            plugin: load("evil", aia_plugins::EVIL),
            config: evil_config.to_owned(),
        },
        Detector {
            plugin: load("errors", aia_plugins::ERRORS),
            config: "{}".to_owned(),
        },
    ]
}

/// Runs sessions over three segments until `is_done` with their positions; gives these and the detectors.
fn run(
    evil_config: &str,
    is_done: impl Fn(&[(String, u64, u64)]) -> bool,
) -> (Vec<(String, u64)>, Vec<Detector>) {
    let fixture = Fixture::new();
    let config = SessionConfig {
        workers: 1,
        commit_after: Duration::ZERO,
        backoff: Duration::from_millis(20),
        ..SessionConfig::default()
    };
    let (waker, inboxes) = queues(config.workers, Arc::new(|_| {}));
    let wake = waker.clone();
    let log = Arc::new(fixture.open_with(1 << 20, Arc::new(move |scope| wake.wake(scope))));
    let store = fixture.store();
    let detectors = detectors(evil_config);
    let sessions = Sessions::start(
        config,
        detectors.clone(),
        (waker, inboxes),
        Arc::clone(&log),
        Arc::clone(&store),
        Fixture::keys(),
        Arc::new(Metrics::default()),
    )
    .unwrap();
    for number in 0..3 {
        append(&log, number);
    }
    let deadline = Instant::now() + DEADLINE;
    while !is_done(&store.session_positions(&scope()).unwrap()) {
        assert!(
            Instant::now() < deadline,
            "{:?}",
            store.session_positions(&scope())
        );
        std::thread::sleep(Duration::from_millis(10));
    }
    sessions.close();
    log.close();
    let positions = store.session_positions(&scope()).unwrap();
    (
        positions
            .into_iter()
            .map(|(plugin, _, last)| (plugin, last))
            .collect(),
        detectors,
    )
}

fn all_behind(last: u64) -> impl Fn(&[(String, u64, u64)]) -> bool {
    move |positions| positions.len() == 2 && positions.iter().all(|(.., position)| *position >= last)
}

#[test]
fn a_plugin_that_traps_on_every_segment_skips_them_and_holds_up_no_other() {
    let (_, detectors) = run(r#"{"deed":"trap"}"#, all_behind(3));
    let restarts: Vec<u64> = detectors
        .iter()
        .map(|detector| detector.plugin.stats().restarts())
        .collect();
    // Three attempts at each of three segments; the other plugin never failed.
    assert_eq!(restarts, [9, 0]);
}

#[test]
fn a_plugin_that_cannot_be_opened_stays_behind_alone() {
    let errors_is_done = |positions: &[(String, u64, u64)]| {
        positions
            .iter()
            .any(|(plugin, _, last)| plugin == "errors" && *last >= 3)
    };
    let (positions, _) = run(r#"{"deed":"error","stage":"open"}"#, errors_is_done);
    let of = |name: &str| {
        positions
            .iter()
            .find(|(plugin, _)| plugin == name)
            .map(|(_, last)| *last)
    };
    assert!(of("errors") >= Some(3), "{positions:?}");
    assert_eq!(of("evil"), Some(0));
}

#[test]
fn replaced_detectors_go_on_where_those_before_them_were() {
    let fixture = Fixture::new();
    let config = SessionConfig {
        workers: 1,
        commit_after: Duration::ZERO,
        ..SessionConfig::default()
    };
    let (waker, inboxes) = queues(config.workers, Arc::new(|_| {}));
    let wake = waker.clone();
    let log = Arc::new(fixture.open_with(1 << 20, Arc::new(move |scope| wake.wake(scope))));
    let store = fixture.store();
    let runtime = Runtime::new(RuntimeConfig::new(CompilerConfig::InProcess)).unwrap();
    let detector = |bytes: &[u8]| Detector {
        plugin: runtime.load("evil", bytes).unwrap(),
        config: "{}".to_owned(),
    };
    let (first, second) = (
        detector(aia_plugins::EVIL),
        detector(&[aia_plugins::EVIL, &[0, 2, 1, b'x']].concat()),
    );
    let digests = [first.plugin.digest(), second.plugin.digest()];
    let sessions = Sessions::start(
        config,
        vec![first],
        (waker, inboxes),
        Arc::clone(&log),
        Arc::clone(&store),
        Fixture::keys(),
        Arc::new(Metrics::default()),
    )
    .unwrap();
    let wait_until = |last: u64| {
        let deadline = Instant::now() + DEADLINE;
        while !store
            .session_positions(&scope())
            .unwrap()
            .iter()
            .any(|(.., position)| *position >= last)
        {
            assert!(Instant::now() < deadline);
            std::thread::sleep(Duration::from_millis(10));
        }
    };
    append(&log, 0);
    wait_until(1);
    sessions.replace(vec![second]);
    append(&log, 1);
    append(&log, 2);
    wait_until(3);
    sessions.close();
    log.close();
    let commits = store.resume(&scope(), "evil").unwrap();
    let last = commits.last().unwrap();
    assert_eq!((last.last_sequence, &last.digest), (3, &digests[1]));
    // The one before left its state to it: commits go on without a gap, and the first of them are of the other file.
    let first = commits.first().unwrap();
    assert!(first.number > 1 && first.snapshot.is_some(), "{commits:?}");
    assert_ne!(digests[0], digests[1]);
}

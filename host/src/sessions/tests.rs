//! Sessions around a plugin that fails, with a real log, store and runtime.

use std::time::Instant;

use super::*;
use crate::clock;
use crate::log::tests::{Fixture, append, append_json, scope};
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

#[test]
fn without_threads_a_failing_plugin_skips_and_one_that_does_not_open_is_told() {
    let catch_up = |evil_config: &str| {
        let fixture = Fixture::new();
        let log = Arc::new(fixture.open_with(1 << 20, Arc::new(|_| {})));
        let store = fixture.store();
        let detectors = detectors(evil_config);
        let mut sessions = Offline::new(
            detectors.clone(),
            Arc::clone(&log),
            Arc::clone(&store),
            Fixture::keys(),
            Arc::new(Metrics::default()),
        );
        for number in 0..3 {
            append(&log, number);
        }
        let caught_up = sessions.catch_up(&scope());
        sessions.close();
        log.close();
        let restarts: Vec<u64> = detectors
            .iter()
            .map(|detector| detector.plugin.stats().restarts())
            .collect();
        (caught_up, restarts, store.session_positions(&scope()).unwrap())
    };
    let (caught_up, restarts, positions) = catch_up(r#"{"deed":"trap"}"#);
    caught_up.unwrap();
    assert_eq!(restarts, [9, 0]);
    assert!(all_behind(3)(&positions), "{positions:?}");

    let (caught_up, ..) = catch_up(r#"{"deed":"error","stage":"open"}"#);
    assert_eq!(caught_up.unwrap_err().position, 0);
}

/// Runs sessions of `errors` alone until `is_done`; `prepare` is given log and store before.
fn run_until(
    config: SessionConfig,
    prepare: impl FnOnce(&Log, &dyn Store),
    is_done: impl Fn(&dyn Store) -> bool,
) -> Arc<dyn Store> {
    let fixture = Fixture::new();
    let (waker, inboxes) = queues(config.workers, Arc::new(|_| {}));
    let wake = waker.clone();
    let log = Arc::new(fixture.open_with(1 << 20, Arc::new(move |scope| wake.wake(scope))));
    let store = fixture.store();
    prepare(&log, store.as_ref());
    let sessions = Sessions::start(
        config,
        detectors("{}").split_off(1),
        (waker, inboxes),
        Arc::clone(&log),
        Arc::clone(&store),
        Fixture::keys(),
        Arc::new(Metrics::default()),
    )
    .unwrap();
    let deadline = Instant::now() + DEADLINE;
    while !is_done(store.as_ref()) {
        assert!(Instant::now() < deadline, "it doesn't happen");
        std::thread::sleep(Duration::from_millis(10));
    }
    sessions.close();
    log.close();
    store
}

fn quick() -> SessionConfig {
    SessionConfig {
        workers: 1,
        commit_after: Duration::ZERO,
        ..SessionConfig::default()
    }
}

#[test]
fn a_release_that_telemetry_shows_for_the_first_time_is_a_change() {
    let of_release = |number: u32, release: &str| {
        format!(
            r#"{{"resourceSpans":[{{"resource":{{"attributes":[
                {{"key":"service.name","value":{{"stringValue":"shop"}}}},
                {{"key":"service.version","value":{{"stringValue":"{release}"}}}}]}},
               "scopeSpans":[{{"spans":[{{"traceId":"{number:032x}","spanId":"{number:016x}","name":"a"}}]}}]}}]}}"#
        )
    };
    let changes = |store: &dyn Store| store.changes(&scope(), 0, u64::MAX).unwrap();
    let store = run_until(
        quick(),
        |log, _| {
            for (number, release) in (1..).zip(["1", "1", "2", "1", "2"]) {
                append_json(
                    log,
                    &scope(),
                    aia_telemetry::SignalType::Traces,
                    &of_release(number, release),
                    clock::now(),
                );
            }
        },
        |store| !changes(store).is_empty(),
    );
    let changes = changes(store.as_ref());
    let [change] = changes.as_slice() else {
        panic!("{changes:?}")
    };
    assert_eq!(
        (
            change.service.as_str(),
            change.release.as_str(),
            change.release_previous.as_str()
        ),
        ("shop", "2", "1")
    );
}

#[test]
fn an_incident_of_a_silent_project_is_resolved_too() {
    use crate::store::{Incident, IncidentState, Lifecycle};

    let config = SessionConfig {
        idle_after: Duration::ZERO,
        ..quick()
    };
    // Due a moment after the last segment: nothing but the machine's clock says when.
    let opened_at = clock::now() - clock::nanos(config.rules.resolve_after) + 1_500_000_000;
    let incident = Incident {
        id: "inc-1".to_owned(),
        project: scope().project.as_str().to_owned(),
        title: "x".to_owned(),
        state: IncidentState::Acknowledged,
        severity: crate::runtime::Severity::High,
        service: "shop".to_owned(),
        operation: String::new(),
        release: String::new(),
        affected: Vec::new(),
        start_time: opened_at,
        end_time: opened_at,
        opened_at,
        updated_at: opened_at,
        count: 1,
        version: 1,
        lifecycle: Lifecycle {
            active_at: opened_at,
            ..Lifecycle::default()
        },
    };
    let read = |store: &dyn Store| store.incident(&scope().tenant, "inc-1").unwrap().unwrap();
    let store = run_until(
        config,
        |log, store| {
            append(log, 0);
            store
                .transact(&scope(), &mut |transaction| transaction.put_incident(&incident))
                .unwrap();
        },
        |store| read(store).state == IncidentState::Resolved,
    );
    assert_eq!(read(store.as_ref()).lifecycle.resolved_by, "AIA");
}

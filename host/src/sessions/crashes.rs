//! Promise: signals after any crash are the signals without it. The commit is the unit: what wasn't committed is found again,
//! what was isn't found twice.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::log::tests::{Fixture, append_json, scope};
use crate::runtime::{CompilerConfig, Runtime, RuntimeConfig};
use crate::store::PinnedSignal;

const SECOND: u64 = 1_000_000_000;

/// When the recorded time begins.
const START: u64 = 1_700_000_000 * SECOND;

/// Requests, one a second: long enough for detectors to learn what is usual and to see that it changes.
const REQUESTS: u64 = 240;

/// From here on requests fail.
const FAULT: u64 = 150;

/// Compiled once for all cases.
static DETECTORS: LazyLock<Vec<Detector>> = LazyLock::new(|| {
    let runtime = Runtime::new(RuntimeConfig::new(CompilerConfig::InProcess)).unwrap();
    let detector = |name: &str, bytes: &[u8]| Detector {
        plugin: runtime.load(name, bytes).unwrap(),
        config: "{}".to_owned(),
    };
    vec![
        detector("errors", aia_plugins::ERRORS),
        detector("latency", aia_plugins::LATENCY),
    ]
});

/// Four spans of a second; of those behind the fault every other one fails, and all are slow.
fn request(second: u64) -> String {
    let at = START + second * SECOND;
    let is_faulty = second >= FAULT;
    let spans: Vec<String> = (0..4_u64)
        .map(|index| {
            let number = second * 4 + index + 1;
            let took = if is_faulty { 900_000_000 } else { 20_000_000 + number % 7 * 1_000_000 };
            let end = at + took;
            let (status, events) = if is_faulty && index % 2 == 0 {
                let exception = format!(
                    r#"[{{"timeUnixNano":"{end}","name":"exception","attributes":[
                        {{"key":"exception.type","value":{{"stringValue":"LedgerError"}}}},
                        {{"key":"exception.message","value":{{"stringValue":"order {number} is closed"}}}}]}}]"#
                );
                (r#"{"code":2}"#, exception)
            } else {
                ("{}", "[]".to_owned())
            };
            format!(
                r#"{{"traceId":"{number:032x}","spanId":"{number:016x}","name":"GET /cart","kind":2,
                   "startTimeUnixNano":"{at}","endTimeUnixNano":"{end}","status":{status},"events":{events}}}"#
            )
        })
        .collect();
    format!(
        r#"{{"resourceSpans":[{{"resource":{{"attributes":[
            {{"key":"service.name","value":{{"stringValue":"cart"}}}}]}},"scopeSpans":[{{"spans":[{}]}}]}}]}}"#,
        spans.join(",")
    )
}

/// What becomes of the host between two requests.
#[derive(Clone, Copy, Debug)]
enum End {
    /// It dies: what wasn't committed is gone.
    Crash,
    /// It commits everything and ends.
    Close,
}

/// All signals of the recording if the host ends this way before these requests. Without the number of the commit they came
/// in, which depends on when the host committed.
fn signals(ends: &[(u64, End)]) -> Vec<String> {
    let fixture = Fixture::new();
    let store = fixture.store();
    let mut log = Arc::new(fixture.open_with(1 << 20, Arc::new(|_| {})));
    let start = |log: &Arc<Log>| {
        Offline::new(
            DETECTORS.clone(),
            Arc::clone(log),
            Arc::clone(&store),
            Fixture::keys(),
            Arc::new(Metrics::default()),
        )
    };
    let mut sessions = start(&log);
    for second in 0..REQUESTS {
        if let Some((_, end)) = ends.iter().find(|(at, _)| *at == second) {
            if matches!(end, End::Close) {
                sessions.close();
            }
            drop(sessions);
            log.close();
            log = Arc::new(fixture.open_with(1 << 20, Arc::new(|_| {})));
            sessions = start(&log);
        }
        append_json(
            &log,
            &scope(),
            aia_telemetry::SignalType::Traces,
            &request(second),
            START + second * SECOND,
        );
        sessions.catch_up(&scope()).unwrap();
    }
    sessions.close();
    log.close();
    let mut found: Vec<String> = store
        .signals(&scope(), 0, u64::MAX)
        .unwrap()
        .into_iter()
        .map(|signal| {
            let signal = PinnedSignal {
                id: String::new(),
                incident: String::new(),
                ..signal
            };
            format!("{signal:?}")
        })
        .collect();
    found.sort();
    found
}

static UNDISTURBED: LazyLock<Vec<String>> = LazyLock::new(|| signals(&[]));

fn end() -> impl Strategy<Value = (u64, End)> {
    (
        1..REQUESTS,
        prop_oneof![3 => Just(End::Crash), 1 => Just(End::Close)],
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn signals_after_any_crash_are_those_without_it(ends in prop::collection::vec(end(), 1..6)) {
        prop_assert!(UNDISTURBED.len() > 4, "{} signals", UNDISTURBED.len());
        prop_assert_eq!(&signals(&ends), &*UNDISTURBED);
    }
}

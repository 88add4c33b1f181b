//! One component, every runtime: a detector gives the same signals and snapshots, byte for byte, natively and in wasmtime,
//! wherever it is interrupted and restored.

#![expect(clippy::unwrap_used, reason = "a failure ends the test")]

use aia::runtime::{Batch, CompilerConfig, Runtime, RuntimeConfig, Session};
use aia_bench::generate::{Random, Steady, Trouble};
use aia_bench::native::{self, Native};
use aia_telemetry::{ScanLimits, Scratch, scan_protobuf, ticks_between};

const MINUTE_NS: u64 = 60_000_000_000;

/// Requests in a minute: six services send three signals each.
const A_MINUTE: usize = 18;

/// Plays a system in which trouble begins, and compares after each request. How many signals there were.
fn played(name: &str, component: &[u8], seed: u64, minutes: u64) -> usize {
    let runtime = Runtime::new(RuntimeConfig::new(CompilerConfig::InProcess)).unwrap();
    let plugin = runtime.load(name, component).unwrap();
    let mut session: Session = plugin.open_session("{}", None).unwrap();
    let mut detector: Box<dyn Native> = native::open(name).unwrap();
    let mut chance = Random::new(seed);
    let trouble = Trouble {
        after: minutes * 2 / 3 * MINUTE_NS,
    };
    let known = |_: u64| Some(u32::MAX);
    let mut scratch = Scratch::default();
    let (mut signals, mut before) = (0, 0);
    let requests = usize::try_from(minutes).unwrap() * A_MINUTE;
    for (segment, request) in (1_u64..).zip(Steady::new(seed, 0).with_trouble(trouble).take(requests)) {
        let now = request.received_at;
        let limits = ScanLimits::default();
        let columns = scan_protobuf(request.signal, &request.body, &limits, &mut scratch)
            .unwrap()
            .columns;
        let (mut in_wasm, mut natively) = (Vec::new(), Vec::new());
        if before > 0 {
            for tick in ticks_between(before, now) {
                in_wasm.extend(session.tick(tick, &known).unwrap().signals);
                natively.extend(detector.tick(tick).unwrap());
            }
        }
        before = now;
        let batch = Batch::new(columns.clone(), now, segment, 0);
        in_wasm.extend(session.observe(&batch, &known).unwrap().signals);
        natively.extend(detector.observe(columns, now, segment).unwrap());
        assert_eq!(
            format!("{in_wasm:?}"),
            format!("{natively:?}"),
            "{name}, seed {seed}, segment {segment}"
        );
        signals += in_wasm.len();
        // Each is restored at points of its own.
        if chance.below(16) == 0 {
            let snapshot = session.snapshot().unwrap();
            assert!(
                snapshot == detector.snapshot(),
                "{name}, seed {seed}, segment {segment}: snapshots differ"
            );
            session = plugin.open_session("{}", Some(&snapshot)).unwrap();
        }
        if chance.below(16) == 0 {
            detector.restore().unwrap();
        }
    }
    assert!(
        session.snapshot().unwrap() == detector.snapshot(),
        "{name}, seed {seed}: snapshots differ"
    );
    signals
}

#[test]
fn detectors_give_the_same_natively_and_in_wasmtime() {
    let mut silent = Vec::new();
    for (name, component) in aia_plugins::DETECTORS {
        // What comes once a minute takes longer to learn from.
        let minutes = match *name {
            "logs" | "metrics" => 150,
            _ => 36,
        };
        if played(name, component, 1, minutes) == 0 {
            silent.push(*name);
        }
    }
    // Without signals there would be less to compare. `paths` needs requests that end early, which these don't.
    assert_eq!(silent, ["paths"]);
}

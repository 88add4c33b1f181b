//! Guests that import WASI find an empty one.

use aia::runtime::{Failure, Level, LoadFailure, Outcome, PluginError, Runtime};
use aia_plugin_worldly::{Config, Deed};

use crate::support::{impatient, runtime, runtime_with};

const TICK: u64 = 10_000_000_000;

fn act(runtime: &Runtime, deed: Deed) -> Result<Outcome, PluginError> {
    // Matched without a wildcard: a deed without a test doesn't compile.
    let (Deed::Reach | Deed::Panic | Deed::Exit | Deed::Print | Deed::Sleep | Deed::Wait) = deed;
    let plugin = runtime.load("worldly.wasm", aia_plugins::WORLDLY).unwrap();
    assert!(!plugin.is_pure());
    let config = serde_json::to_string(&Config { deed }).unwrap();
    let mut session = plugin.open_session(&config, None).unwrap();
    session.tick(TICK, &|_| None)
}

fn lines(outcome: &Outcome) -> String {
    assert!(outcome.logs.iter().all(|line| line.level == Level::Info));
    let lines: Vec<_> = outcome.logs.iter().map(|line| line.message.as_str()).collect();
    lines.join("\n")
}

#[test]
fn nothing_is_there() {
    let runtime = runtime();
    let outcome = act(&runtime, Deed::Reach).unwrap();
    insta::assert_snapshot!(lines(&outcome), @r#"
    environment: 0
    arguments: 0
    folder: Some("/")
    read: Err(NotFound)
    list: Err(NotFound)
    write: Err(NotFound)
    connect: Err(PermissionDenied)
    bind: Err(PermissionDenied)
    resolve: Err(PermissionDenied)
    seconds since 1970: Some(1000000000)
    a minute's sleep: 0ns
    random: 606365886531952603
    input: Ok(0)
    "#);
    // Random numbers too are the same in each instance.
    assert_eq!(act(&runtime, Deed::Reach).unwrap(), outcome);
    assert_eq!(runtime.live_instances(), 0);
}

#[test]
fn sleeping_takes_no_time_and_printing_no_memory() {
    let runtime = runtime();
    let started = std::time::Instant::now();
    act(&runtime, Deed::Sleep).unwrap();
    assert!(started.elapsed() < std::time::Duration::from_secs(600));
    act(&runtime, Deed::Print).unwrap();
}

#[test]
fn who_ends_panics_or_waits_fails_as_others_do() {
    let failure = |runtime: &Runtime, deed| act(runtime, deed).unwrap_err().to_string();
    insta::assert_snapshot!(failure(&runtime(), Deed::Panic), @"plugin `worldly`: tick trapped: wasm `unreachable` instruction executed");
    insta::assert_snapshot!(failure(&runtime(), Deed::Exit), @"plugin `worldly`: tick trapped: it called `wasi:cli/exit#exit`, which plugins don't have");
    let impatient = runtime_with(impatient());
    assert!(matches!(
        act(&impatient, Deed::Wait).unwrap_err().failure,
        Failure::Time { .. }
    ));
}

#[test]
fn other_parts_of_wasi_are_refused_by_name() {
    for import in ["wasi:http/outgoing-handler@0.2.3", "wasi:cli/environment@0.3.0"] {
        let text = format!(r#"(component (import "{import}" (instance (export "f" (func)))))"#);
        let bytes = wat::parse_str(text).unwrap();
        let refused = runtime().load("guest.wasm", &bytes).unwrap_err();
        assert!(matches!(refused.failure, LoadFailure::Wasi { .. }), "{refused}");
    }
}

//! Every misdeed of an analyst that the runtime is to stop: the exact words that an operator reads. What an analyst makes up
//! about evidence is checked behind the runtime; those tests are beside `aia::investigations`.

use std::sync::Arc;

use aia::runtime::{
    AnalystEvent, AnalystSettings, AnalystStep, Answer, Case, EvidenceKind, Item, Limits, Plugin,
    PluginError, PluginKind, Runtime, Severity, TimeRange, TraceId,
};
use aia_plugin_evil_analyst::{Config, Deed};
use insta::assert_snapshot;

use super::support::{impatient, runtime, runtime_with};

/// Names the test of each misdeed: one without a test doesn't compile.
const _: fn(Deed) -> fn() = |deed| match deed {
    Deed::Behave => behaving_is_possible,
    Deed::Refuse => refusing_the_configuration,
    Deed::Loop => looping_for_ever,
    Deed::Allocate => allocating_for_ever,
    Deed::Trap => trapping,
    Deed::GiveUp => giving_up_is_possible,
    Deed::Steps => taking_too_many_steps,
    Deed::Requests | Deed::LongService => asking_for_too_much,
    Deed::Ask | Deed::LongQuestion => asking_a_model,
    Deed::Suspects
    | Deed::Claims
    | Deed::Fragments
    | Deed::LongSentence
    | Deed::ManyEvidence
    | Deed::Diff => concluding_too_much,
    Deed::Probability | Deed::NanProbability | Deed::Sum => probabilities_that_are_none,
    Deed::Everything
    | Deed::InventEvidence
    | Deed::InventField
    | Deed::InventNumber
    | Deed::InventService
    | Deed::InventPlace
    | Deed::NoReason => what_is_made_up_is_not_the_runtimes_to_find,
};

fn case() -> Case {
    Case {
        incident: "inc-1".to_owned(),
        severity: Severity::High,
        title: "It fails".to_owned(),
        service: "payment".to_owned(),
        operation: String::new(),
        release: String::new(),
        affected: Vec::new(),
        during: TimeRange { start: 1, end: 2 },
        known_since: 1,
        evidence: vec![Item {
            id: "ev-1".to_owned(),
            kind: EvidenceKind::Span,
            time: 1,
            service: "payment".to_owned(),
            trace: TraceId { high: 0, low: 0 },
            span_id: 0,
            title: "SERVER POST /charge".to_owned(),
            fields: Vec::new(),
        }],
    }
}

fn analyst(runtime: &Runtime) -> Arc<Plugin> {
    runtime
        .load("evil-analyst.wasm", aia_plugins::EVIL_ANALYST)
        .unwrap()
}

/// Runs an investigation to its end; nothing is found, and there is no model.
fn investigate(plugin: &Arc<Plugin>, deed: Deed, count: usize) -> Result<AnalystStep, PluginError> {
    let settings = AnalystSettings {
        config: serde_json::to_string(&Config { deed, count }).unwrap(),
        has_model: false,
        max_steps: 16,
    };
    let mut investigation = plugin.open_investigation(&case(), &settings)?;
    let mut event = AnalystEvent::Begin;
    loop {
        event = match investigation.advance(&event) {
            Ok(AnalystStep::Gather(requests)) => AnalystEvent::Gathered(
                requests
                    .iter()
                    .map(|_| Answer::Found((Vec::new(), false)))
                    .collect(),
            ),
            Ok(AnalystStep::Ask(_)) => AnalystEvent::NoModel("no model is configured".to_owned()),
            end => {
                // Whatever the end was, there is nothing behind it.
                let again = investigation.advance(&AnalystEvent::Begin).unwrap_err();
                assert_eq!(
                    again.to_string(),
                    "plugin `evil-analyst`: advance was not done: the investigation is over"
                );
                return end;
            }
        };
    }
}

/// An investigation that has to fail: the error's text and its reason, counted once, and nothing is left of the instance.
fn misdeed_on(runtime: &Runtime, deed: Deed, count: usize) -> String {
    let plugin = analyst(runtime);
    let error = investigate(&plugin, deed, count).expect_err("a misdeed fails");
    let reason = error.failure.reason().expect("the plugin is to blame");
    assert_eq!(
        (plugin.stats().failures(reason), plugin.stats().all_failures()),
        (1, 1)
    );
    assert_eq!(runtime.live_instances(), 0);
    format!("{error} [{}]", reason.as_str())
}

fn misdeed(deed: Deed, count: usize) -> String {
    misdeed_on(&runtime(), deed, count)
}

#[test]
fn behaving_is_possible() {
    let runtime = runtime();
    let plugin = analyst(&runtime);
    assert_eq!(plugin.kind(), PluginKind::Analyst);
    let step = investigate(&plugin, Deed::Behave, 0).unwrap();
    let AnalystStep::Conclude(conclusion) = step else {
        panic!("{step:?}");
    };
    assert_eq!(conclusion.suspects[0].service, "payment");
    assert_eq!(plugin.stats().all_failures(), 0);
    assert_eq!(runtime.live_instances(), 0, "an end frees the instance");
}

#[test]
fn other_kinds_do_not_investigate() {
    let runtime = runtime();
    let detector = super::support::evil(&runtime);
    let settings = AnalystSettings {
        config: "{}".to_owned(),
        has_model: false,
        max_steps: 1,
    };
    let error = detector.open_investigation(&case(), &settings).unwrap_err();
    assert_snapshot!(error, @"plugin `evil`: open isn't possible: it is a plugin of kind detector");
    let error = analyst(&runtime).open_session("{}", None).unwrap_err();
    assert_snapshot!(error, @"plugin `evil-analyst`: open isn't possible: it is a plugin of kind analyst");
}

#[test]
fn refusing_the_configuration() {
    let plugin = analyst(&runtime());
    let settings = AnalystSettings {
        config: r#"{"deed":"refuse"}"#.to_owned(),
        has_model: false,
        max_steps: 1,
    };
    let error = plugin.open_investigation(&case(), &settings).unwrap_err();
    assert_snapshot!(error, @"plugin `evil-analyst`: open refused its configuration: as asked��[31m");
}

#[test]
fn looping_for_ever() {
    assert_snapshot!(misdeed_on(&runtime_with(impatient()), Deed::Loop, 0), @"plugin `evil-analyst`: advance took longer than 700 ms (limit `call-time`) [time]");
}

#[test]
fn allocating_for_ever() {
    assert_snapshot!(misdeed(Deed::Allocate, 0), @"plugin `evil-analyst`: advance has 67108864 bytes of memory and wanted 67239936; at most 67108864 are allowed (limit `memory-bytes`) [memory]");
}

#[test]
fn trapping() {
    assert_snapshot!(misdeed(Deed::Trap, 0), @"plugin `evil-analyst`: advance trapped: wasm `unreachable` instruction executed [trap]");
}

#[test]
fn giving_up_is_possible() {
    let step = investigate(&analyst(&runtime()), Deed::GiveUp, 5_000).unwrap();
    assert_eq!(step, AnalystStep::GiveUp(format!("{}…", "x".repeat(1_024))));
}

#[test]
fn taking_too_many_steps() {
    assert_snapshot!(misdeed(Deed::Steps, 0), @"plugin `evil-analyst`: advance took 16 steps without an end; no more are allowed (limit `steps`) [size]");
}

#[test]
fn asking_for_too_much() {
    assert_snapshot!(misdeed(Deed::Requests, 17), @"plugin `evil-analyst`: advance gave a list of 17 requests; at most 16 are allowed (limit `requests`) [size]");
    investigate(&analyst(&runtime()), Deed::Requests, 16).expect("as many as a step may have");
    assert_snapshot!(misdeed(Deed::LongService, 16_385), @"plugin `evil-analyst`: advance gave request 0 a service of 16385 bytes; at most 16384 are allowed (limit `text-bytes`) [size]");
}

#[test]
fn asking_a_model() {
    let step = investigate(&analyst(&runtime()), Deed::Ask, 0).unwrap();
    let AnalystStep::Conclude(conclusion) = step else {
        panic!("{step:?}");
    };
    assert!(format!("{:?}", conclusion.claims).contains("no model is configured"));
    assert_snapshot!(misdeed(Deed::LongQuestion, 1 << 20), @"plugin `evil-analyst`: advance gave a question of 1048580 bytes; at most 1048576 are allowed (limit `question-bytes`) [size]");
}

#[test]
fn concluding_too_much() {
    assert_snapshot!(misdeed(Deed::Suspects, 21), @"plugin `evil-analyst`: advance gave a list of 21 suspects; at most 20 are allowed (limit `suspects`) [size]");
    assert_snapshot!(misdeed(Deed::Claims, 51), @"plugin `evil-analyst`: advance gave the conclusion a list of 51 claims; at most 50 are allowed (limit `claims`) [size]");
    assert_snapshot!(misdeed(Deed::Fragments, 51), @"plugin `evil-analyst`: advance gave the conclusion a sentence of 51 fragments; at most 50 are allowed (limit `fragments`) [size]");
    assert_snapshot!(misdeed(Deed::LongSentence, 4_097), @"plugin `evil-analyst`: advance gave the conclusion a sentence of 4097 bytes; at most 4096 are allowed (limit `sentence-bytes`) [size]");
    assert_snapshot!(misdeed(Deed::ManyEvidence, 65), @"plugin `evil-analyst`: advance gave the conclusion a claim of 65 pieces of evidence; at most 64 are allowed (limit `evidence`) [size]");
    assert_snapshot!(misdeed(Deed::Diff, 262_145), @"plugin `evil-analyst`: advance gave a diff of 262145 bytes; at most 262144 are allowed (limit `diff-bytes`) [size]");
    let larger = Limits {
        memory_bytes: 512 << 20,
        ..super::support::limits()
    };
    assert_snapshot!(misdeed_on(&runtime_with(larger), Deed::Diff, 20 << 20), @"plugin `evil-analyst`: advance gave more than 16777216 bytes (limit `returned-bytes`) [size]");
    investigate(&analyst(&runtime()), Deed::Suspects, 20).expect("as many as a conclusion may have");
}

#[test]
fn probabilities_that_are_none() {
    assert_snapshot!(misdeed(Deed::Probability, 0), @"plugin `evil-analyst`: advance gave suspect 0 a probability of 1.5, which is not from 0 to 1 [invalid]");
    assert_snapshot!(misdeed(Deed::NanProbability, 0), @"plugin `evil-analyst`: advance gave suspect 0 a probability of NaN, which is not from 0 to 1 [invalid]");
    assert_snapshot!(misdeed(Deed::Sum, 0), @"plugin `evil-analyst`: advance gave suspects whose probabilities add up to 1.200, which is more than 1 [invalid]");
}

#[test]
fn what_is_made_up_is_not_the_runtimes_to_find() {
    let plugin = analyst(&runtime());
    for deed in [
        Deed::Everything,
        Deed::InventEvidence,
        Deed::InventField,
        Deed::InventNumber,
        Deed::InventService,
        Deed::InventPlace,
        Deed::NoReason,
    ] {
        let step = investigate(&plugin, deed, 0);
        assert!(matches!(step, Ok(AnalystStep::Conclude(_))), "{deed:?}: {step:?}");
    }
}

//! Hostile, damaged and huge input.

use aia_plugin_sdk::NoConfig;
use aia_plugin_sdk::analyst::{Analyst as _, Budget, Event, Step, TimeRange};
use aia_plugin_sdk::testing::{InvestigationHarness, Script, TestCase, TestItem};
use aia_plugin_suspects::Suspects;
use proptest::prelude::*;

use crate::world::{DURING, Fault, SECOND, World};

const BEFORE: TimeRange = TimeRange {
    start: 1_000 * SECOND,
    end: 1_970 * SECOND,
};

/// Text as an attacker would send it, and numbers that are none.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        Just("<script>alert(1)</script>".to_owned()),
        Just("\u{202e}[x](javascript:1)\0\r\n".to_owned()),
        Just("NaN".to_owned()),
        Just("-inf".to_owned()),
        Just("1e999".to_owned()),
        Just("18446744073709551615".to_owned()),
        Just("-1".to_owned()),
        Just("0".to_owned()),
    ]
}

fn item(now: bool) -> impl Strategy<Value = TestItem> {
    let time = if now {
        DURING.start..DURING.end
    } else {
        BEFORE.start..BEFORE.end
    };
    let values = prop::collection::vec(text(), 6);
    (0..6_u8, text(), values, time, 0..6_u64, 0..6_u64).prop_map(
        |(kind, service, values, time, id, parent)| {
            let v = |index: usize| values[index].clone();
            match kind {
                0 => TestItem::operation(&service, &v(0))
                    .field("count", v(1))
                    .field("errors.own", v(2))
                    .field("callers", v(3))
                    .field("release", v(4))
                    .field("kind", v(5)),
                1 => TestItem::series(&service, &v(0))
                    .field("count", v(1))
                    .field("mean", v(2))
                    .field("deviation", v(3))
                    .field("first", v(4)),
                2 => TestItem::span(&service, &v(0), time, v(1).len() as u64)
                    .at(1, id)
                    .parent(parent)
                    .field("status", v(2)),
                3 => TestItem::log(&service, time, 17, &v(0))
                    .at(1, id)
                    .field("code.lineno", v(1))
                    .field("code.filepath", v(2)),
                4 => TestItem::signal(&service, &v(0), time, time)
                    .field("detail.code.frames", v(1))
                    .field("detail.exception.stacktrace", v(2)),
                _ => TestItem::change(&service, &v(0), &v(1), time),
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// The harness checks what it concludes as a host does.
    #[test]
    fn anything_ends_in_a_conclusion_that_a_host_takes(
        now in prop::collection::vec(item(true), 0..40),
        before in prop::collection::vec(item(false), 0..40),
        service in text(),
    ) {
        let mut script = Script::new();
        script.operations(DURING, now.clone()).operations(BEFORE, before.clone()).rows(now).rows(before);
        let case = TestCase::new(&service, DURING).known_since(BEFORE.start).build();
        let first = InvestigationHarness::<Suspects>::new(case.clone(), script.clone()).conclusion();
        let again = InvestigationHarness::<Suspects>::new(case, script).conclusion();
        prop_assert_eq!(first, again);
    }
}

#[test]
fn a_busy_project_is_sampled() {
    let (case, script) = World::random(7, Fault::Errors).build(4_000);
    let mut harness = InvestigationHarness::<Suspects>::new(case, script);
    assert!(matches!(harness.run(), Step::Conclude(_)));
    assert!(harness.steps().len() <= 20, "{} steps", harness.steps().len());
}

#[test]
fn few_steps_are_enough() {
    let case = TestCase::new("pay", DURING).build();
    for max_steps in 0..4 {
        let budget = Budget {
            has_model: false,
            max_steps,
        };
        let mut analyst = Suspects::open(case.clone(), NoConfig::default(), budget).unwrap();
        let script = Script::new();
        let mut event = Event::Begin;
        for step in 0.. {
            assert!(step < max_steps.max(1), "more than {max_steps} steps");
            match analyst.advance(event) {
                Step::Gather(requests) => {
                    event = Event::Gathered(requests.iter().map(|request| script.answer(request)).collect());
                }
                Step::Conclude(_) => break,
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn an_answer_that_nobody_asked_for_is_refused() {
    let budget = Budget {
        has_model: true,
        max_steps: 10,
    };
    let case = TestCase::new("pay", DURING).build();
    let mut analyst = Suspects::open(case, NoConfig::default(), budget).unwrap();
    assert!(matches!(
        analyst.advance(Event::Answered("x".to_owned())),
        Step::GiveUp(_)
    ));
}

//! The three verdicts.

use aia_plugin_sdk::analyst::{Conclusion, TimeRange, Verdict};
use aia_plugin_sdk::testing::{InvestigationHarness, Script, TestCase, TestItem};
use aia_plugin_suspects::Suspects;

use crate::world::{DURING, Fault, KNOWN_SINCE, SECOND, World};

fn of(fault: Fault) -> Conclusion {
    let (case, script) = World::chain(fault).build(60);
    InvestigationHarness::<Suspects>::new(case, script).conclusion()
}

#[test]
fn failures_slow_work_and_other_ways_through_the_code_are_a_cause() {
    for fault in [Fault::Errors, Fault::SlowWork, Fault::Behaviour] {
        let conclusion = of(fault);
        assert_eq!(conclusion.verdict, Verdict::Cause, "{fault:?}");
        assert_eq!(conclusion.suspects[0].service, "pay");
        assert_eq!(conclusion.suspects[0].operation, "POST /work");
    }
}

#[test]
fn the_place_where_paths_end_is_named() {
    assert_eq!(of(Fault::Behaviour).suspects[0].code, "shop.pay.Handler:10");
}

#[test]
fn slow_ways_and_silence_are_no_cause_in_the_code() {
    for fault in [Fault::SlowWays, Fault::Silence] {
        let conclusion = of(fault);
        assert_eq!(conclusion.verdict, Verdict::NoCodeCause, "{fault:?}");
        assert_eq!(conclusion.suspects[0].service, "pay");
    }
}

#[test]
fn a_resource_is_no_cause_in_the_code_unless_a_release_came_with_it() {
    let investigate = |has_change: bool| {
        let (case, mut script) = World::chain(Fault::Nothing).build(60);
        let series = |mean: f64| {
            [TestItem::series("pay", "container.cpu.usage")
                .field("count", 12)
                .field("mean", mean)
                .field("deviation", 0.02)]
        };
        script.series(
            TimeRange::new(KNOWN_SINCE, DURING.start - 30 * SECOND),
            series(0.1),
        );
        script.series(DURING, series(1.9));
        if has_change {
            script.rows([TestItem::change(
                "pay",
                "deploy",
                "2.0.0",
                DURING.start - 10 * SECOND,
            )]);
        }
        InvestigationHarness::<Suspects>::new(case, script).conclusion()
    };
    let conclusion = investigate(false);
    assert_eq!(conclusion.verdict, Verdict::NoCodeCause);
    assert_eq!(conclusion.suspects[0].service, "pay");
    let conclusion = investigate(true);
    assert_eq!(conclusion.verdict, Verdict::Cause);
    assert_eq!(conclusion.suspects[0].release, "2.0.0");
}

#[test]
fn nothing_is_known_of_a_project_without_telemetry() {
    let case = TestCase::new("pay", DURING).build();
    let conclusion = InvestigationHarness::<Suspects>::new(case, Script::new()).conclusion();
    assert_eq!(conclusion.verdict, Verdict::NotEnoughEvidence);
}

//! Random systems with a fault at a random service: the ranking finds it.

use aia_plugin_sdk::analyst::Verdict;
use aia_plugin_sdk::testing::InvestigationHarness;
use aia_plugin_suspects::Suspects;

use crate::world::{Fault, World};

fn hits(fault: Fault, seeds: std::ops::Range<u64>) -> (usize, usize) {
    let (mut first, mut all) = (0, 0);
    for seed in seeds {
        let world = World::random(seed, fault);
        let culprit = world.culprit();
        let (case, script) = world.build(40);
        let conclusion = InvestigationHarness::<Suspects>::new(case, script).conclusion();
        all += 1;
        first += usize::from(
            conclusion
                .suspects
                .first()
                .is_some_and(|suspect| suspect.service == culprit),
        );
    }
    (first, all)
}

fn assert_found(fault: Fault, first_seed: u64) {
    let (first, all) = hits(fault, first_seed..first_seed + 50);
    assert!(first * 10 >= all * 9, "{fault:?}: {first} of {all}");
}

#[test]
fn failures_are_laid_where_they_begin() {
    assert_found(Fault::Errors, 1_000);
}

#[test]
fn slow_work_is_laid_where_it_is_done() {
    assert_found(Fault::SlowWork, 2_000);
}

#[test]
fn slow_ways_are_laid_where_they_meet() {
    assert_found(Fault::SlowWays, 3_000);
}

#[test]
fn paths_that_end_early_are_laid_where_they_end() {
    assert_found(Fault::Behaviour, 4_000);
}

#[test]
fn who_is_gone_is_found_though_only_callers_complain() {
    assert_found(Fault::Silence, 5_000);
}

#[test]
fn where_nothing_is_wrong_nothing_is_found() {
    for seed in 6_000..6_050 {
        let (case, script) = World::random(seed, Fault::Nothing).build(40);
        let conclusion = InvestigationHarness::<Suspects>::new(case, script).conclusion();
        assert_eq!(
            conclusion.verdict,
            Verdict::NotEnoughEvidence,
            "{seed}: {conclusion:?}"
        );
        assert_eq!(conclusion.claims, []);
    }
}

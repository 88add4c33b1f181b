//! What is said of the likeliest suspect.

use aia_plugin_sdk::analyst::Step;
use aia_plugin_sdk::testing::InvestigationHarness;
use aia_plugin_suspects::Suspects;
use insta::assert_snapshot;

use crate::world::{Fault, World};

fn said(fault: Fault) -> String {
    let (case, script) = World::chain(fault).build(60);
    let mut harness = InvestigationHarness::<Suspects>::new(case, script);
    let Step::Conclude(conclusion) = harness.run() else {
        panic!("no conclusion");
    };
    let lines: Vec<String> = conclusion
        .claims
        .iter()
        .map(|claim| harness.print(claim))
        .collect();
    lines.join("\n")
}

#[test]
fn of_failures() {
    assert_snapshot!(said(Fault::Errors), @r"
    pay is the likeliest cause: failures begin there.
    40 of 60 spans of POST /work failed without a failing callee; before it were 1 of 60.
    ");
}

#[test]
fn of_slow_work() {
    assert_snapshot!(said(Fault::SlowWork), @r"
    pay is the likeliest cause: its own work takes longer.
    Its own time in POST /work rose from 3 ms to 503 ms.
    ");
}

#[test]
fn of_slow_ways() {
    assert_snapshot!(said(Fault::SlowWays), @r"
    pay is slow to reach; nothing points to its code.
    Callers wait for it longer than it is at work; the rest of POST rose from 2 ms to 502 ms.
    ");
}

#[test]
fn of_other_ways_through_the_code() {
    assert_snapshot!(said(Fault::Behaviour), @r"
    pay is the likeliest cause: its code takes other ways than before.
    Behind “shop.pay.Handler:10 start” there comes nothing more, oftener than before; it used to go on with “shop.pay.Handler:20 done”.
    ");
}

#[test]
fn of_silence() {
    assert_snapshot!(said(Fault::Silence), @r"
    pay stopped answering; nothing points to its code.
    It served 60 requests of POST /work before, and none now, while its callers went on.
    ");
}

//! What time does to incidents, and what comes back.

use aia_telemetry::{ScanLimits, Scratch, SegmentId, SignalType, describe_row, scan_json};

use super::*;
use crate::incidents::{MAX_ROWS, next_due, pin, tend};
use crate::log::TraceRow;
use crate::store::IncidentState;

const MINUTE: u64 = 60 * SECOND;
const QUIET: u64 = 30 * MINUTE;
const DAY: u64 = 24 * 60 * MINUTE;

impl Fixture {
    fn tend(&self, now: u64) {
        tend(&self.store, &self.scope, now, &Rules::default(), false).unwrap();
    }

    fn due(&self) -> Option<u64> {
        next_due(&self.store, &self.scope, &Rules::default()).unwrap()
    }
}

fn at(id: &str, at: u64) -> Said<'_> {
    Said { id, at, ..SAID }
}

#[test]
fn quiet_resolves_as_of_when_it_had_been_quiet_for_long_enough() {
    let mut fixture = Fixture::new();
    fixture.commit(&[SAID]);
    let due = SAID.at + QUIET;
    assert_eq!(fixture.due(), Some(due));
    fixture.tend(due - 1);
    assert_eq!(fixture.only().state, IncidentState::Open);
    // Noticed a while later.
    fixture.tend(due + 7 * MINUTE);
    let incident = fixture.only();
    assert_eq!(incident.state, IncidentState::Resolved);
    assert_eq!(
        (
            incident.lifecycle.resolved_at,
            incident.lifecycle.resolved_by.as_str()
        ),
        (due, "AIA")
    );
    assert_eq!(
        fixture.events(&incident.id, "resolved"),
        ["Resolved by AIA: quiet for 30 minutes"]
    );
    assert_eq!(fixture.due(), None);
    let version = incident.version;
    fixture.tend(due + 8 * MINUTE);
    assert_eq!(fixture.only().version, version);
}

#[test]
fn a_signal_keeps_it_open() {
    let mut fixture = Fixture::new();
    fixture.commit(&[SAID, at("01", SAID.at + QUIET - 1)]);
    fixture.tend(SAID.at + QUIET);
    assert_eq!(fixture.only().state, IncidentState::Open);
}

#[test]
fn it_ends_the_same_with_ticks_and_without() {
    let run = |tick_minutes: Option<u64>| {
        let mut fixture = Fixture::new();
        let mut ticked = 0;
        for (id, minute, severity) in [
            ("00", 0, Severity::Critical),
            ("01", 7, Severity::Medium),
            ("02", 13, Severity::High),
            ("03", 90, Severity::High),
            ("04", 91, Severity::Low),
            ("05", 200, Severity::High),
        ] {
            let time = SAID.at + minute * MINUTE;
            while let Some(every) = tick_minutes.filter(|every| ticked + every <= minute) {
                ticked += every;
                fixture.tend(SAID.at + ticked * MINUTE);
            }
            fixture.commit(&[Said {
                severity,
                ..at(id, time)
            }]);
        }
        let incident = fixture.only();
        let timeline = fixture.timeline(&incident.id);
        (incident.state, incident.severity, incident.lifecycle, timeline)
    };
    let with = run(Some(1));
    assert_eq!(with.0, IncidentState::Regressed);
    assert_eq!(with, run(Some(17)));
    assert_eq!(with, run(None));
}

#[test]
fn what_returns_after_it_was_resolved_is_a_regression_in_its_release() {
    let mut fixture = Fixture::new();
    fixture.commit(&[SAID]);
    fixture.tend(SAID.at + QUIET);
    let back = Said {
        release: "2.1.0",
        ..at("01", SAID.at + DAY)
    };
    assert_eq!(fixture.commit(&[back]), 0);
    let incident = fixture.only();
    assert_eq!(incident.state, IncidentState::Regressed);
    assert_eq!(
        (
            incident.lifecycle.regressed_in.as_str(),
            incident.release.as_str()
        ),
        ("2.1.0", "2.1.0")
    );
    assert_eq!(
        (
            incident.lifecycle.resolved_at,
            incident.lifecycle.resolved_by.as_str()
        ),
        (0, "")
    );
    assert_eq!(
        fixture.events(&incident.id, "regressed"),
        ["Back in release 2.1.0: payment fails"]
    );
    // It is treated like one that is open: what goes on joins, and quiet resolves it again.
    assert_eq!(fixture.commit(&[at("02", SAID.at + DAY + SECOND)]), 0);
    assert_eq!(fixture.events(&incident.id, "regressed").len(), 1);
    fixture.tend(SAID.at + DAY + SECOND + QUIET);
    assert_eq!(fixture.only().state, IncidentState::Resolved);
}

#[test]
fn what_returns_long_after_is_new_and_names_the_old_one() {
    let mut fixture = Fixture::new();
    fixture.commit(&[SAID]);
    fixture.tend(SAID.at + QUIET);
    let limit = SAID.at + QUIET + 30 * DAY;
    assert_eq!(fixture.commit(&[at("01", limit + 1)]), 1);
    let new = fixture.one("inc-01");
    assert_eq!(
        (new.state, new.lifecycle.follows.as_str()),
        (IncidentState::Open, "inc-00")
    );
    assert_eq!(fixture.one("inc-00").state, IncidentState::Resolved);
    assert_eq!(
        fixture.events("inc-01", "opened"),
        ["Opened by errors: payment fails (as inc-00 before)"]
    );
    // The fingerprint is the new one's.
    assert_eq!(fixture.commit(&[at("02", limit + MINUTE)]), 0);
    assert_eq!(fixture.one("inc-01").count, 6);
}

#[test]
fn late_data_of_before_the_end_does_not_bring_it_back() {
    let mut fixture = Fixture::new();
    fixture.commit(&[SAID]);
    fixture.tend(SAID.at + QUIET);
    let mut late = found(&at("01", SAID.at + QUIET + MINUTE));
    late.signal.signal.start_time = SAID.at;
    late.signal.signal.end_time = SAID.at + QUIET;
    fixture
        .store
        .transact(&fixture.scope, &mut |transaction| {
            decide(transaction, "p", &Rules::default(), std::slice::from_ref(&late)).map(|_| ())
        })
        .unwrap();
    let incident = fixture.only();
    assert_eq!(
        (incident.state, incident.count, incident.lifecycle.resolved_at),
        (IncidentState::Resolved, 6, SAID.at + QUIET)
    );
}

#[test]
fn a_low_signal_brings_nothing_back() {
    let mut fixture = Fixture::new();
    fixture.commit(&[SAID]);
    fixture.tend(SAID.at + QUIET);
    let low = Said {
        severity: Severity::Low,
        ..at("01", SAID.at + DAY)
    };
    fixture.commit(&[low]);
    assert_eq!(fixture.only().state, IncidentState::Resolved);
}

#[test]
fn what_returns_as_the_effect_of_something_open_joins_that() {
    let mut fixture = Fixture::new();
    let checkout = Said {
        service: "checkout",
        fingerprint: "c",
        ..SAID
    };
    fixture.commit(&[checkout]);
    fixture.tend(SAID.at + QUIET);
    let cause = Said {
        affected: &["checkout"],
        trace: 2,
        ..at("01", SAID.at + DAY)
    };
    let again = Said {
        id: "02",
        at: SAID.at + DAY + SECOND,
        trace: 3,
        ..checkout
    };
    assert_eq!(fixture.commit(&[cause, again]), 1);
    assert_eq!(fixture.one("inc-00").state, IncidentState::Resolved);
    assert_eq!(fixture.one("inc-01").count, 6);
}

#[test]
fn severity_follows_spread_and_falls_when_signals_are_milder_for_a_while() {
    let mut fixture = Fixture::new();
    let wide = Said {
        affected: &["a", "b", "c", "d"],
        ..SAID
    };
    fixture.commit(&[wide]);
    let incident = fixture.only();
    assert_eq!(incident.severity, Severity::Critical);
    let mild = |id, minute| Said {
        severity: Severity::Low,
        ..at(id, SAID.at + minute * MINUTE)
    };
    fixture.commit(&[mild("01", 5)]);
    assert_eq!(fixture.only().severity, Severity::Critical);
    // Ten minutes after the last severe one only the mild one counts, a step up for the spread.
    fixture.tend(SAID.at + 11 * MINUTE);
    assert_eq!(fixture.only().severity, Severity::Medium);
    // Without any signal it stays.
    fixture.tend(SAID.at + 25 * MINUTE);
    assert_eq!(fixture.only().severity, Severity::Medium);
    assert_eq!(
        fixture.events(&incident.id, "severity"),
        [
            "Severity rose from high to critical: 5 services are affected",
            "Severity fell from critical to medium: 5 services are affected",
        ]
    );
}

#[test]
fn severity_follows_strong_growth() {
    let mut fixture = Fixture::new();
    let counted = |id, minute, count| Said {
        severity: Severity::Medium,
        count,
        ..at(id, SAID.at + minute * MINUTE)
    };
    fixture.commit(&[counted("00", 0, 40), counted("01", 6, 40)]);
    // Twice as many aren't three times as many.
    fixture.commit(&[counted("02", 12, 80)]);
    assert_eq!(fixture.only().severity, Severity::Medium);
    fixture.commit(&[counted("03", 13, 100)]);
    let incident = fixture.only();
    assert_eq!(incident.severity, Severity::High);
    assert_eq!(
        fixture.events(&incident.id, "severity"),
        ["Severity rose from medium to high: 180 occurrences in 5 minutes after 40"]
    );
}

fn rows(count: usize) -> Vec<TraceRow> {
    let span = |number: usize| {
        format!(
            r#"{{"traceId":"00000000000000000000000000000001","spanId":"{:016x}","name":"n"}}"#,
            number + 1
        )
    };
    let spans: Vec<String> = (0..count).map(span).collect();
    let body = format!(
        r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{}]}}]}}]}}"#,
        spans.join(",")
    );
    let scanned = scan_json(
        SignalType::Traces,
        body.as_bytes(),
        &ScanLimits::default(),
        &mut Scratch::default(),
    )
    .unwrap();
    (0_u32..)
        .map_while(|row| {
            Some(TraceRow {
                segment: SegmentId([1; 16]),
                row,
                content: describe_row(&scanned.columns, row)?,
            })
        })
        .collect()
}

#[test]
fn traces_are_pinned_after_a_while_and_once_more_for_what_comes_late() {
    let mut fixture = Fixture::new();
    for number in 0..5_u64 {
        let id = format!("{number:02}");
        fixture.commit(&[Said {
            trace: u128::from(number) + 1,
            ..at(&id, SAID.at)
        }]);
    }
    let wanted =
        |now, is_final| tend(&fixture.store, &fixture.scope, now, &Rules::default(), is_final).unwrap();
    assert_eq!(wanted(SAID.at + SECOND, false), []);
    assert_eq!(wanted(SAID.at + SECOND, true).len(), 3);
    let due = wanted(SAID.at + 15 * SECOND, false);
    assert_eq!(due.len(), 3);
    let first = &due[0];
    assert_eq!(first.trace, 1_u128.to_be_bytes());
    pin(&fixture.store, &fixture.scope, first, rows(2)).unwrap();
    let evidence = || fixture.store.evidence(&fixture.scope.tenant, "inc-00").unwrap();
    assert_eq!(evidence().len(), 5 + 2);
    assert_eq!(wanted(SAID.at + 16 * SECOND, false).len(), 2);
    // The second look finds more, up to a limit.
    assert_eq!(wanted(SAID.at + 90 * SECOND, false).len(), 3);
    pin(&fixture.store, &fixture.scope, first, rows(MAX_ROWS + 10)).unwrap();
    assert_eq!(evidence().len(), 5 + MAX_ROWS);
    assert_eq!(wanted(SAID.at + 3600 * SECOND, true).len(), 2);
}

//! Signals with one flaw each.

use aia_plugin_sdk::{Detail, Fingerprint, Measure, RowId, Severity, Signal};

use crate::Flaw;

/// Longer than any short text may be.
const LONG: usize = 16 * 1024 + 1;

/// A signal without flaws whose evidence is this row.
pub(crate) fn good(row: RowId) -> Signal {
    Signal {
        kind: "evil.deed".to_owned(),
        severity: Severity::Low,
        fingerprint: Fingerprint {
            version: 1,
            parts: vec!["part".to_owned()],
        },
        title: "As asked".to_owned(),
        service: "service".to_owned(),
        operation: "operation".to_owned(),
        release: "1".to_owned(),
        affected: Vec::new(),
        start_time: 1,
        end_time: 2,
        count: 1,
        measures: vec![measure()],
        details: vec![detail()],
        evidence: vec![row],
    }
}

/// A signal with a flaw. `last` is the last row of the batch.
pub(crate) fn flawed(flaw: Flaw, last: RowId) -> Signal {
    let mut signal = good(last);
    let long = || "x".repeat(LONG);
    match flaw {
        Flaw::None => {}
        Flaw::UnknownKind => signal.kind = "evil.unknown".to_owned(),
        Flaw::NoParts => signal.fingerprint.parts.clear(),
        Flaw::ManyParts => signal.fingerprint.parts = vec!["part".to_owned(); 17],
        Flaw::LongPart => signal.fingerprint.parts = vec!["x".repeat(1_025)],
        Flaw::LongTitle => signal.title = "x".repeat(301),
        Flaw::LongService => signal.service = long(),
        Flaw::LongOperation => signal.operation = long(),
        Flaw::LongRelease => signal.release = long(),
        Flaw::ManyAffected => signal.affected = vec![String::new(); 257],
        Flaw::LongAffected => signal.affected = vec![long()],
        Flaw::StartBehindEnd => signal.start_time = 3,
        Flaw::ManyMeasures => signal.measures = vec![measure(); 33],
        Flaw::LongMeasureName => {
            signal.measures = vec![Measure {
                name: long(),
                ..measure()
            }];
        }
        Flaw::LongUnit => {
            signal.measures = vec![Measure {
                unit: long(),
                ..measure()
            }];
        }
        Flaw::NanValue => {
            signal.measures = vec![Measure {
                value: f64::NAN,
                ..measure()
            }];
        }
        Flaw::InfiniteBaseline => {
            signal.measures = vec![Measure {
                baseline: Some(f64::INFINITY),
                ..measure()
            }];
        }
        Flaw::ManyDetails => signal.details = vec![detail(); 33],
        Flaw::LongDetailName => {
            signal.details = vec![Detail {
                name: long(),
                ..detail()
            }];
        }
        Flaw::LongDetail => {
            signal.details = vec![Detail {
                value: long(),
                ..detail()
            }];
        }
        Flaw::NoEvidence => signal.evidence.clear(),
        Flaw::ManyEvidence => signal.evidence = vec![last; 65],
        Flaw::RowBehindEnd => {
            signal.evidence = vec![RowId {
                row: last.row + 1,
                ..last
            }];
        }
        Flaw::SegmentZero => signal.evidence = vec![RowId { segment: 0, row: 0 }],
        Flaw::SegmentAhead => {
            signal.evidence = vec![RowId {
                segment: last.segment + 1,
                row: 0,
            }];
        }
        Flaw::RowOfEarlierSegment => {
            signal.evidence = vec![RowId {
                segment: last.segment.wrapping_sub(1),
                row: 1_000_000,
            }];
        }
    }
    signal
}

fn measure() -> Measure {
    Measure {
        name: "deeds".to_owned(),
        unit: "1".to_owned(),
        value: 1.0,
        baseline: Some(0.5),
    }
}

fn detail() -> Detail {
    Detail {
        name: "deed".to_owned(),
        value: "as asked".to_owned(),
    }
}

//! Every flaw that a signal may have.

use aia_plugin_evil::{Config, Deed, Flaw, Stage};
use insta::assert_snapshot;

use super::support::{act, earlier, evil, misdeed, open, runtime, spans};

/// Lists the flaws, in a way that doesn't compile if one is missing.
macro_rules! flaws {
    ($($flaw:ident)*) => {{
        const _: fn(Flaw) = |flaw| match flaw { Flaw::None $(| Flaw::$flaw)* => {} };
        [$(Flaw::$flaw),*]
    }};
}

fn flawed(flaw: Flaw) -> Config {
    Config { deed: Deed::Flaw, stage: Stage::Observe, flaw, ..Config::default() }
}

#[test]
pub(crate) fn every_flaw_is_found() {
    let flaws = flaws! {
        UnknownKind NoParts ManyParts LongPart LongTitle LongService LongOperation LongRelease ManyAffected LongAffected
        StartBehindEnd ManyMeasures LongMeasureName LongUnit NanValue InfiniteBaseline ManyDetails LongDetailName
        LongDetail NoEvidence ManyEvidence RowBehindEnd SegmentZero SegmentAhead RowOfEarlierSegment
    };
    let messages: Vec<String> = flaws.into_iter().map(|flaw| misdeed(&flawed(flaw))).collect();

    assert_snapshot!(messages.join("\n"), @"");
}

#[test]
fn a_signal_without_flaws_passes() {
    let (result, _) = act(&evil(&runtime()), &flawed(Flaw::None));

    let outcome = result.unwrap();
    assert_eq!(outcome.signals.len(), 1);
    assert_eq!((outcome.signals[0].evidence[0].segment, outcome.signals[0].evidence[0].row), (2, 2));
}

#[test]
fn a_tick_may_name_rows_of_earlier_segments_only() {
    // Before its first batch the plugin names row 0 of segment 1.
    let runtime = runtime();
    let plugin = evil(&runtime);
    let config = Config { stage: Stage::Tick, ..flawed(Flaw::None) };

    let mut restored = open(&plugin, &config).unwrap();
    assert_eq!(restored.tick(1, &earlier()).unwrap().signals.len(), 1);

    let mut fresh = open(&plugin, &config).unwrap();
    assert_snapshot!(fresh.tick(1, &|_| None).unwrap_err(), @"");
}

#[test]
fn rows_of_a_piece_of_a_segment_count_from_its_first_row() {
    let runtime = runtime();
    let mut session = open(&evil(&runtime), &flawed(Flaw::None)).unwrap();

    let outcome = session.observe(&spans(1), &|_| None).unwrap();
    assert_eq!(outcome.signals[0].evidence[0].row, 2);
}

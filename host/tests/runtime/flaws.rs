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
    Config {
        deed: Deed::Flaw,
        stage: Stage::Observe,
        flaw,
        ..Config::default()
    }
}

#[test]
pub(crate) fn every_flaw_is_found() {
    let flaws = flaws! {
        UnknownKind NoParts ManyParts LongPart LongTitle LongService LongOperation LongRelease ManyAffected LongAffected
        StartBehindEnd ManyMeasures LongMeasureName LongUnit NanValue InfiniteBaseline ManyDetails LongDetailName
        LongDetail NoEvidence ManyEvidence RowBehindEnd SegmentZero SegmentAhead RowOfEarlierSegment
    };
    let messages: Vec<String> = flaws.into_iter().map(|flaw| misdeed(&flawed(flaw))).collect();

    assert_snapshot!(messages.join("\n"), @r"
    plugin `evil`: observe-spans gave signal 0 the kind `evil.unknown`, which its manifest doesn't list [invalid]
    plugin `evil`: observe-spans gave signal 0 a fingerprint without parts [invalid]
    plugin `evil`: observe-spans gave signal 0 a fingerprint of 17 parts; at most 16 are allowed (limit `fingerprint-parts`) [size]
    plugin `evil`: observe-spans gave signal 0 a part of a fingerprint of 1025 bytes; at most 1024 are allowed (limit `fingerprint-part-bytes`) [size]
    plugin `evil`: observe-spans gave signal 0 a title of 301 bytes; at most 300 are allowed (limit `title-bytes`) [size]
    plugin `evil`: observe-spans gave signal 0 a service of 16385 bytes; at most 16384 are allowed (limit `text-bytes`) [size]
    plugin `evil`: observe-spans gave signal 0 an operation of 16385 bytes; at most 16384 are allowed (limit `text-bytes`) [size]
    plugin `evil`: observe-spans gave signal 0 a release of 16385 bytes; at most 16384 are allowed (limit `text-bytes`) [size]
    plugin `evil`: observe-spans gave signal 0 a list of 257 affected services; at most 256 are allowed (limit `affected`) [size]
    plugin `evil`: observe-spans gave signal 0 an affected service of 16385 bytes; at most 16384 are allowed (limit `text-bytes`) [size]
    plugin `evil`: observe-spans gave signal 0 a start behind its end [invalid]
    plugin `evil`: observe-spans gave signal 0 a list of 33 measures; at most 32 are allowed (limit `measures`) [size]
    plugin `evil`: observe-spans gave signal 0 a measure's name of 16385 bytes; at most 16384 are allowed (limit `text-bytes`) [size]
    plugin `evil`: observe-spans gave signal 0 a measure's unit of 16385 bytes; at most 16384 are allowed (limit `text-bytes`) [size]
    plugin `evil`: observe-spans gave signal 0 a measure `deeds` that is no finite number [invalid]
    plugin `evil`: observe-spans gave signal 0 a measure `deeds` that is no finite number [invalid]
    plugin `evil`: observe-spans gave signal 0 a list of 33 details; at most 32 are allowed (limit `details`) [size]
    plugin `evil`: observe-spans gave signal 0 a detail's name of 16385 bytes; at most 16384 are allowed (limit `text-bytes`) [size]
    plugin `evil`: observe-spans gave signal 0 a detail of 16385 bytes; at most 16384 are allowed (limit `detail-bytes`) [size]
    plugin `evil`: observe-spans gave signal 0 no evidence [invalid]
    plugin `evil`: observe-spans gave signal 0 a list of 65 rows of evidence; at most 64 are allowed (limit `evidence`) [size]
    plugin `evil`: observe-spans gave signal 0 a row of evidence that doesn't exist: row 3 of segment 2, which has 3 rows [invalid]
    plugin `evil`: observe-spans gave signal 0 a row of evidence that doesn't exist: row 0 of segment 0, which this session hasn't read [invalid]
    plugin `evil`: observe-spans gave signal 0 a row of evidence that doesn't exist: row 0 of segment 3, which this session hasn't read [invalid]
    plugin `evil`: observe-spans gave signal 0 a row of evidence that doesn't exist: row 1000000 of segment 1, which has 3 rows [invalid]
    ");
}

#[test]
fn a_signal_without_flaws_passes() {
    let (result, _) = act(&evil(&runtime()), &flawed(Flaw::None));

    let outcome = result.unwrap();
    assert_eq!(outcome.signals.len(), 1);
    assert_eq!(
        (
            outcome.signals[0].evidence[0].segment,
            outcome.signals[0].evidence[0].row
        ),
        (2, 2)
    );
}

#[test]
fn a_tick_may_name_rows_of_earlier_segments_only() {
    // Before its first batch the plugin names row 0 of segment 1.
    let runtime = runtime();
    let plugin = evil(&runtime);
    let config = Config {
        stage: Stage::Tick,
        ..flawed(Flaw::None)
    };

    let mut restored = open(&plugin, &config).unwrap();
    assert_eq!(restored.tick(1, &earlier()).unwrap().signals.len(), 1);

    let mut fresh = open(&plugin, &config).unwrap();
    assert_snapshot!(fresh.tick(1, &|_| None).unwrap_err(), @"plugin `evil`: tick gave signal 0 a row of evidence that doesn't exist: row 0 of segment 1, which this session hasn't read");
}

#[test]
fn rows_of_a_piece_of_a_segment_count_from_its_first_row() {
    let runtime = runtime();
    let mut session = open(&evil(&runtime), &flawed(Flaw::None)).unwrap();

    let outcome = session.observe(&spans(1), &|_| None).unwrap();
    assert_eq!(outcome.signals[0].evidence[0].row, 2);
}

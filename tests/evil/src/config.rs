//! What to do wrong, and when.

use serde::{Deserialize, Serialize};

/// The configuration.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What to do.
    pub deed: Deed,
    /// When to do it.
    pub stage: Stage,
    /// What is wrong with the signal of [`Deed::Flaw`].
    pub flaw: Flaw,
    /// How many of whatever the deed is about.
    pub count: usize,
    /// What [`Deed::Plant`] leaves behind, or, each byte plus one, what [`Deed::Scavenge`] looks for.
    pub text: String,
}

/// When to do something.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// In `open`.
    Open,
    /// In `observe-…`.
    #[default]
    Observe,
    /// In `tick`.
    Tick,
    /// In `snapshot`.
    Snapshot,
}

/// What to do.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Deed {
    /// Nothing wrong.
    #[default]
    Behave,
    /// Never end.
    Loop,
    /// Allocate for ever.
    Allocate,
    /// Call itself for ever.
    Recurse,
    /// Panic, which is a trap.
    Trap,
    /// Give an error; in `open`, refuse the configuration; in `snapshot`, nothing.
    Error,
    /// Refuse the snapshot, if there is one.
    RefuseSnapshot,
    /// Give `count` bytes: as a snapshot, else as the text of an error.
    Bytes,
    /// Give a text of `count` bytes that doesn't lie in memory.
    Nowhere,
    /// Give `count` signals.
    Signals,
    /// Give a signal with a flaw.
    Flaw,
    /// Log `count` lines of `count` bytes.
    Log,
    /// Fill `count` bytes of memory with a text.
    Plant,
    /// Look for a text in all memory, after making room for `count` bytes; the number found is given as an error.
    Scavenge,
}

/// What is wrong with a signal.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flaw {
    /// Nothing.
    #[default]
    None,
    /// A kind that the manifest doesn't list.
    UnknownKind,
    /// A fingerprint without parts.
    NoParts,
    /// 17 parts.
    ManyParts,
    /// A part of 1,025 bytes.
    LongPart,
    /// A title of 301 bytes.
    LongTitle,
    /// A service of 16,385 bytes.
    LongService,
    /// An operation of 16,385 bytes.
    LongOperation,
    /// A release of 16,385 bytes.
    LongRelease,
    /// 257 affected services.
    ManyAffected,
    /// An affected service of 16,385 bytes.
    LongAffected,
    /// A start behind the end.
    StartBehindEnd,
    /// 33 measures.
    ManyMeasures,
    /// A measure's name of 16,385 bytes.
    LongMeasureName,
    /// A measure's unit of 16,385 bytes.
    LongUnit,
    /// A measure that is no number.
    NanValue,
    /// A measure whose baseline is infinite.
    InfiniteBaseline,
    /// 33 details.
    ManyDetails,
    /// A detail's name of 16,385 bytes.
    LongDetailName,
    /// A detail of 16,385 bytes.
    LongDetail,
    /// No evidence.
    NoEvidence,
    /// 65 rows of evidence.
    ManyEvidence,
    /// The row behind the last of the current segment.
    RowBehindEnd,
    /// A row of segment 0.
    SegmentZero,
    /// A row of the segment after the current one.
    SegmentAhead,
    /// Row 1,000,000 of the segment before the current one.
    RowOfEarlierSegment,
}

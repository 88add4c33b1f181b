//! How much of a report is printed. The host bounds the time of a call and the bytes of a document; these keep both far
//! away whatever was sent, and a page that somebody can read. What is left out is counted where it is missing.

/// Characters of a name, a title, a cell.
pub(crate) const SHORT: usize = 300;
/// Characters of a sentence.
pub(crate) const SENTENCE: usize = 2_000;
/// Characters of a value in the appendix or of a fact of a signal.
pub(crate) const VALUE: usize = 4_000;
/// Characters of a block of lines: a stack trace, a body, a diff.
pub(crate) const BLOCK: usize = 20_000;

/// Sentences of a summary or a conclusion.
pub(crate) const STATEMENTS: usize = 50;
/// Links to evidence behind one sentence.
pub(crate) const LINKS: usize = 12;
/// Affected services that are named.
pub(crate) const AFFECTED: usize = 50;
/// Analysts whose newest conclusion is printed.
pub(crate) const CONCLUSIONS: usize = 4;
/// Suspects of a conclusion, as many as the contract allows.
pub(crate) const SUSPECTS: usize = 20;
/// Reasons of a suspect.
pub(crate) const REASONS: usize = 8;
/// Entries of the timeline: the first half and the last half of so many.
pub(crate) const TIMELINE: usize = 200;
/// Charts.
pub(crate) const CHARTS: usize = 12;
/// Lines of a chart: as many as can be told apart.
pub(crate) const SERIES: usize = 6;
/// Points of a line; neighbouring steps are averaged until there are no more.
pub(crate) const POINTS: usize = 240;
/// Changes that are marked in charts.
pub(crate) const MARKS: usize = 30;
/// Spans that are drawn.
pub(crate) const SPANS: usize = 200;
/// Different signals, and rows of the Markdown table.
pub(crate) const SIGNALS: usize = 50;
/// Measures of a signal, as many as the contract allows; details too.
pub(crate) const MEASURES: usize = 32;
/// Different stack traces.
pub(crate) const STACKS: usize = 3;
/// Lines of a diff or a stack trace.
pub(crate) const LINES: usize = 500;
/// Pieces of evidence in the appendix.
pub(crate) const EVIDENCE: usize = 500;
/// Fields of a piece of evidence.
pub(crate) const FIELDS: usize = 128;

/// Bytes of a list, after which the rest is only counted.
pub(crate) const LIST_BYTES: usize = 512 * 1024;
/// Bytes of a list within a list.
pub(crate) const INNER_BYTES: usize = 128 * 1024;
/// Bytes of the appendix.
pub(crate) const EVIDENCE_BYTES: usize = 2 * 1024 * 1024;

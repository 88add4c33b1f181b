//! The trait of reporters and the types of a report.

pub use crate::bindings::analyst::aia::plugin::conclusions::Verdict;
pub use crate::bindings::analyst::aia::plugin::evidence::{
    EvidenceId, EvidenceKind, Field, Item, TimeRange, TraceId as TraceIdHalves,
};
pub use crate::bindings::reporter::exports::aia::plugin::reporter::{
    Chart, Document, Report, ReportedConclusion, ReportedSignal, ReportedSuspect, Series, State, Statement,
    TimelineEntry,
};
use crate::manifest::Manifest;

/// A reporter renders what is known of an incident.
///
/// Whatever came from telemetry is text of strangers: a reporter encodes it for its format.
pub trait Reporter: Sized + 'static {
    /// What it says of itself: always the same.
    fn manifest() -> Manifest;

    /// Renders a report in one of the manifest's formats. `watermark` says who downloaded it and when; it is printed
    /// where it isn't empty.
    ///
    /// # Errors
    /// Why it can't be rendered, such as a format that the manifest doesn't list.
    fn render(report: &Report, format: &str, watermark: &str) -> Result<Document, String>;
}

//! Reporter that renders an incident as Markdown and as one HTML file: what happened, what may be the cause, the
//! timeline, charts, an example trace, the signals, and an appendix of the evidence that every sentence links to.
//!
//! Everything in it came from telemetry and is text of strangers. In Markdown all of it goes through `escape`, in HTML
//! through `html::text`: no markup, no link or image that isn't this reporter's, nothing that breaks out of where it
//! stands, nothing invisible.

mod appendix;
mod chart;
mod escape;
mod hidden;
mod html;
mod limits;
mod markdown;
mod moments;
mod number;
mod reporter;
mod stack;
mod trace;
mod words;

pub use reporter::IncidentReport;

aia_plugin_sdk::export_reporter!(IncidentReport);

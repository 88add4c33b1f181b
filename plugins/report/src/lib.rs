//! Reporter that renders an incident as Markdown: what happened, where, the signals, the timeline, and an appendix of
//! the evidence that every sentence links to.
//!
//! Everything in it came from telemetry and is text of strangers, so all of it goes through `escape`: no HTML, no
//! link or image that isn't this reporter's, nothing that breaks out of a table or fence, nothing invisible.

mod escape;
mod markdown;
mod reporter;

pub use reporter::Markdown;

aia_plugin_sdk::export_reporter!(Markdown);

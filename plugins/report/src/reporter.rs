//! The reporter.

use aia_plugin_sdk::reporter::{Document, Report};
use aia_plugin_sdk::{Manifest, Reporter};

use crate::{html, markdown};

/// The media types the manifest lists.
const MARKDOWN: &str = "text/markdown";
const HTML: &str = "text/html";

/// Renders an incident as Markdown or HTML.
#[derive(Clone, Copy, Debug)]
pub struct IncidentReport;

impl Reporter for IncidentReport {
    fn manifest() -> Manifest {
        Manifest::new("report", env!("CARGO_PKG_VERSION"), env!("CARGO_PKG_DESCRIPTION"))
            .format(MARKDOWN)
            .format(HTML)
    }

    fn render(report: &Report, format: &str, watermark: &str) -> Result<Document, String> {
        // Parameters such as `charset` don't choose a format, and media types have no case.
        let essence = format.split(';').next().unwrap_or_default().trim();
        let (media_type, text) = if essence.eq_ignore_ascii_case(MARKDOWN) {
            (MARKDOWN, markdown::render(report, watermark))
        } else if essence.eq_ignore_ascii_case(HTML) {
            (HTML, html::render(report, watermark))
        } else {
            return Err(format!("can't render `{format}`, only `{MARKDOWN}` and `{HTML}`"));
        };
        Ok(Document {
            media_type: format!("{media_type}; charset=utf-8"),
            bytes: text.into_bytes(),
        })
    }
}

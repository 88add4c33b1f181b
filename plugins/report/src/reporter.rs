//! The reporter.

use aia_plugin_sdk::reporter::{Document, Report};
use aia_plugin_sdk::{Manifest, Reporter};

use crate::markdown;

/// The media type the manifest lists.
const FORMAT: &str = "text/markdown";

/// Renders an incident as Markdown.
#[derive(Clone, Copy, Debug)]
pub struct Markdown;

impl Reporter for Markdown {
    fn manifest() -> Manifest {
        Manifest::new("report", env!("CARGO_PKG_VERSION"), env!("CARGO_PKG_DESCRIPTION")).format(FORMAT)
    }

    fn render(report: &Report, format: &str, watermark: &str) -> Result<Document, String> {
        // Parameters such as `charset` don't choose a format.
        if format.split(';').next().map(str::trim) != Some(FORMAT) {
            return Err(format!("can't render `{format}`, only `{FORMAT}`"));
        }
        let bytes = markdown::render(report, watermark).into_bytes();
        Ok(Document {
            media_type: format!("{FORMAT}; charset=utf-8"),
            bytes,
        })
    }
}

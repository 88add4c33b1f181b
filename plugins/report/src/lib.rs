//! Report.
use aia_plugin_sdk::*;
use aia_plugin_sdk::reporter::*;
/// X.
pub struct Markdown;
impl Reporter for Markdown {
    fn manifest() -> Manifest { Manifest::new("report", "0.1.0", "Renders Markdown").format("text/markdown") }
    fn render(report: &Report, _format: &str, _watermark: &str) -> Result<Document, String> { Ok(Document { media_type: "text/markdown; charset=utf-8".into(), bytes: report.title.clone().into_bytes() }) }
}
export_reporter!(Markdown);

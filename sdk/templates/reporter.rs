//! Renders an incident as plain text, for a terminal or a mail.

use aia_plugin_sdk::reporter::{Document, Report};
use aia_plugin_sdk::{Manifest, Reporter, export_reporter, manifest};

struct PlainText;

impl Reporter for PlainText {
    fn manifest() -> Manifest {
        manifest!("Renders an incident as plain text").format("text/plain")
    }

    fn render(report: &Report, format: &str, watermark: &str) -> Result<Document, String> {
        if format != "text/plain" {
            return Err(format!("`{format}` isn't rendered here"));
        }
        let mut lines = vec![
            harmless(&report.title),
            String::new(),
            format!("incident  {}", harmless(&report.incident)),
            format!("service   {}", harmless(&report.service)),
        ];
        if !watermark.is_empty() {
            lines.push(format!("for       {}", harmless(watermark)));
        }
        lines.push(String::new());
        // Each sentence with what shows it.
        for statement in &report.summary {
            let evidence = statement.evidence.join(", ");
            lines.push(format!(
                "- {} [{}]",
                harmless(&statement.text),
                harmless(&evidence)
            ));
        }
        lines.push(String::new());
        Ok(Document {
            media_type: "text/plain; charset=utf-8".into(),
            bytes: lines.join("\n").into_bytes(),
        })
    }
}

/// Whatever came from telemetry is text of strangers: it must not begin a line of its own or command a terminal.
fn harmless(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

export_reporter!(PlainText);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_strangers_stays_on_its_line() {
        assert_eq!(harmless("a\n- forged\u{1b}[2J"), "a - forged [2J");
    }

    #[test]
    fn it_describes_itself() {
        assert_eq!(PlainText::manifest().formats, ["text/plain"]);
    }
}

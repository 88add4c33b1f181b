//! Rendering reports.

use super::bindings::reporter::exports::aia::plugin::reporter::{Document, Report};
use super::check::at_most;
use super::error::printable;
use super::instance::{Room, Time};
use super::{Call, Failure, Plugin, PluginError};

/// Bytes beside the document's own that a reporter may give: its media type, or the text of an error.
const MORE_BYTES: usize = 64 * 1024;

impl Plugin {
    /// Renders a report, in an instance made for it. `format` is one of the manifest's; `watermark` is printed in
    /// the document where it isn't empty.
    ///
    /// # Errors
    ///
    /// If this isn't a reporter or doesn't have the format, or it fails, refuses or runs into a limit.
    pub fn render(&self, report: &Report, format: &str, watermark: &str) -> Result<Document, PluginError> {
        let pre = self.reporter()?;
        let formats = &self.manifest().formats;
        if !formats.iter().any(|known| known == format) {
            let what = format!("it renders {}", formats.join(", "));
            return Err(self.account().error(Call::Render, Failure::Unsupported { what }));
        }
        let limits = &self.account().shared.limits;
        let mut room = Room::new(self.account(), Call::Render)?;
        room.set_returned_bytes(
            limits
                .returned_bytes
                .max(limits.document_bytes.saturating_add(MORE_BYTES)),
        );
        let rendered = room.call(Call::Render, Time::Call, |store| {
            let reporter = pre.instantiate(&mut *store)?;
            reporter
                .aia_plugin_reporter()
                .call_render(store, report, format, watermark)
        })?;
        rendered
            .map_err(|message| Failure::ReturnedError {
                message: printable(&message, limits.log_line_bytes),
            })
            .and_then(|document| {
                let current = document.bytes.len();
                at_most(
                    || "a document".to_owned(),
                    "document-bytes",
                    "bytes",
                    current,
                    limits.document_bytes,
                )?;
                // It ends up in an HTTP header.
                if document.media_type.len() > 200
                    || !document.media_type.bytes().all(|byte| (32..127).contains(&byte))
                {
                    let media_type = printable(&document.media_type, 200);
                    return Err(Failure::Invalid {
                        what: format!("`{media_type}`, which is no media type"),
                    });
                }
                Ok(document)
            })
            .map_err(|failure| room.error(Call::Render, failure))
    }
}

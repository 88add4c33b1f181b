//! What serde's errors can't carry: where an error was, and which limit was hit.

use serde::de::Error;

use crate::scan::error::{Breach, ScanError};

/// Longest key that is quoted in an error, in characters.
const QUOTED_KEY: usize = 40;

/// What serde's errors can't carry. Noted on the way up, from the innermost message on.
#[derive(Default)]
pub(crate) struct Trouble {
    place: Option<(&'static str, String)>,
    breach: Option<Breach>,
}

impl Trouble {
    /// Notes a limit that was hit, and gives serde an error to come back with.
    pub(super) fn check<E: Error>(
        &mut self,
        message: &'static str,
        result: Result<(), Breach>,
    ) -> Result<(), E> {
        result.map_err(|breach| {
            self.note(message, "");
            self.breach = Some(breach);
            E::custom("a limit was hit")
        })
    }

    /// Notes where an error was; the innermost place is the first to be noted and stays.
    #[cold]
    pub(super) fn note(&mut self, message: &'static str, key: &str) {
        self.place
            .get_or_insert_with(|| (message, key.chars().take(QUOTED_KEY).collect()));
    }

    /// The error that the scan of `request` ended with.
    pub(super) fn take_error(
        &mut self,
        error: &serde_json::Error,
        body: &[u8],
        request: &'static str,
    ) -> ScanError {
        let (line, column) = (error.line(), error.column());
        let offset = offset(body, line, column);
        let (message, key) = self.place.take().unwrap_or((request, String::new()));
        if let Some(breach) = self.breach.take() {
            return breach.at(offset, message);
        }
        // serde_json puts the place behind its words; ScanError has it in front of them.
        let words = error.to_string();
        let reason = unquoted(
            words
                .strip_suffix(&format!(" at line {line} column {column}"))
                .unwrap_or(&words),
        );
        let reading = if key.is_empty() {
            message.to_owned()
        } else {
            format!("{message}.{key}")
        };
        ScanError::Json {
            offset,
            reading,
            line,
            column,
            reason,
        }
    }
}

/// Leaves a text that serde quotes out of its words: it may be of any length, and a secret.
fn unquoted(words: &str) -> String {
    for problem in ["invalid type: string", "invalid value: string"] {
        if let Some(quoted) = words.strip_prefix(problem)
            && let Some(place) = quoted.rfind("\", expected ")
        {
            return problem.to_owned() + quoted.get(place + 1..).unwrap_or_default();
        }
    }
    words.to_owned()
}

/// The byte at a line and a column of it, as `serde_json` counts them.
fn offset(body: &[u8], line: usize, column: usize) -> usize {
    let lines = body.split_inclusive(|byte| *byte == b'\n');
    let before: usize = lines.take(line.saturating_sub(1)).map(<[u8]>::len).sum();
    before.saturating_add(column).min(body.len())
}

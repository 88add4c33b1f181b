//! The style sheet, and the hash by which the page's policy knows it.

use maud::PreEscaped;

/// The style sheet.
pub(crate) const SHEET: PreEscaped<&str> = PreEscaped(include_str!("style.css"));

/// SHA-256 of the style sheet as policies write it. A test says what it has to be.
macro_rules! hash {
    () => {
        "sha256-UlxWgd3DbSXRwS6CEphOtjF/reRY31XikA1WE+sUqZU="
    };
}
pub(crate) use hash;

#[cfg(test)]
mod tests;

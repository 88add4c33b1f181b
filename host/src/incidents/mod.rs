//! Incidents: which signals are one trouble, and what is known of it.

mod correlate;
mod evidence;
pub mod report;
#[cfg(test)]
mod tests;

pub use correlate::{Decided, Found, decide};
pub(crate) use correlate::{rank, word};
pub use evidence::{derived, evidence_id, fingerprint_hash, from_change, from_row, from_signal, item};

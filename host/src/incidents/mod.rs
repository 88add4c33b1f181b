//! Incidents: which signals are one trouble, what becomes of it, and what is known of it.

mod acts;
pub mod changes;
mod correlate;
mod evidence;
mod grow;
mod lifecycle;
mod merged;
mod relate;
pub mod report;
mod rules;
mod severity;
#[cfg(test)]
pub(crate) mod tests;
mod traces;

pub use acts::{Act, ActError, Done, MAX_ACT_TEXT, act};
pub use correlate::{Decided, Found, decide};
pub use evidence::{derived, evidence_id, fingerprint_hash, from_change, from_row, from_signal, item};
pub use lifecycle::{next_due, tend};
pub use merged::follow;
pub use rules::Rules;
pub(crate) use severity::{rank, word};
pub use traces::{MAX_ROWS, Wanted, pin};

//! The documents: one in full, and what hostile text may do to them, which is nothing.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod bounds;
mod hostile;
mod html;
mod report;
mod whole;

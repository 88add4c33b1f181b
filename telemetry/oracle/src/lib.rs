//! The oracle of the scanners: `opentelemetry-proto`'s messages, which share no line with them. Columns are turned back
//! into messages (`rebuild`), the oracle's messages into what the scanners document (`normal`), and the two compared
//! byte by byte. For tests and fuzzing, so what is amiss panics.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "an oracle fails the test that asks it: there is nobody to hand an error to"
)]

pub mod examples;
pub mod json;
mod normal;
pub mod rebuild;
pub mod rebuild_metrics;
pub mod request;

pub use json::Style;
pub use request::Request;

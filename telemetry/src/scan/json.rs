//! The JSON front end: serde visitors that write each field where it belongs at once.

mod envelope;
mod logs;
mod message;
mod metrics;
mod points;
mod scalar;
mod traces;
mod trouble;
mod value;

pub(super) use envelope::request as read;
pub(crate) use trouble::Trouble;

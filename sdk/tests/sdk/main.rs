//! The SDK from a plugin author's side: views of batches, good and damaged, and the harness.

mod damaged;
mod harness;
mod views;

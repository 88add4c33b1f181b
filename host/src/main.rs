//! The `aia` binary.
fn main() {}

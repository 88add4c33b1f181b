//! The detector in whole scenarios; every one also tests that restoring it changes nothing.

mod bounds;
mod ends;
mod shop;

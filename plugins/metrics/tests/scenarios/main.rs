//! The detector in whole scenarios; every one also tests that restoring it changes nothing.

mod bounds;
mod budget;
mod dirt;
mod fleet;
mod kinds;
mod restoring;
mod unusual;
mod weeks;

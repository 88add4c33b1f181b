//! The detector in whole scenarios; those with a checking harness also test that restoring it changes nothing.

mod bounds;
mod noise;
mod quiet;
mod releases;
mod signals;
mod world;

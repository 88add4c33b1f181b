//! The measurements the README quotes, each one command: `cargo xtask bench NAME`.
//!
//! They compare within one run: the two sides of a comparison alternate, round by round, so that whatever else the
//! machine does falls on both. Input is generated, the same for the same seed. What is not measured: disks that are
//! slower than this machine's, networks, and other processors.

mod benches;
pub mod generate;
mod load;
pub mod native;
mod result;
mod server;
mod timing;

pub use benches::{BENCHES, Bench, Setting, serve_spin_app};
pub use result::{Figure, Goal, Outcome};
pub use timing::{Case, Timing, alternate};

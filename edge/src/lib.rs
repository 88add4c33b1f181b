//! What the Worker, the Spin app and the host's takeover share: the sessions of one project, advanced by commits in a
//! bucket. No I/O and no clock of its own: a shell brings a [`Bucket`], [`Plugins`], a [`Memory`] and the time.
//!
//! [`Owner`] is the way in. [`admit`](Admission) is what a shell asks before it reads a request's body, [`Lease`] how a
//! project's quota is kept.

mod admission;
mod bucket;
mod chain;
mod check;
mod config;
mod discover;
mod entry;
mod memory;
mod owner;
mod plugin;
mod quota;
mod session;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;

pub use admission::{Admission, Revocations, RevocationsStale};
pub use bucket::{Bucket, BucketError, Created};
pub use chain::{ChainError, Link, last_commit, read_commits};
pub use check::{Invalid, check_outcome};
pub use config::Config;
pub use entry::{Arrival, Entry};
pub use memory::{Memory, MemoryError, Note};
pub use owner::{Owner, Report};
pub use plugin::{Detector, LogLine, OpenFailure, Outcome, Place, PluginInfo, Plugins};
pub use quota::{Lease, Quota, QuotaState};
pub use session::SessionError;

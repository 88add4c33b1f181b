//! What the Worker, the Spin app and the host's takeover share: the sessions of one project, advanced by commits in a
//! bucket. No I/O and no clock of its own: a shell brings a [`Bucket`], [`Plugins`], a [`Memory`] and the time.
//!
//! [`Intake`] is what a shell does with a request, up to a sealed segment; [`Owner`] what becomes of that behind the answer.
//! [`Lease`] is how a project's quota is kept.

mod admission;
mod bucket;
mod chain;
mod check;
mod config;
mod costs;
mod discover;
mod entry;
mod intake;
mod memory;
mod owner;
mod plugin;
mod quota;
mod session;
mod settings;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;

pub use admission::{Admission, Revocations, RevocationsStale};
pub use bucket::{Bucket, BucketError, Created};
pub use chain::{ChainError, Link, last_commit, read_commits};
pub use check::{Invalid, check_outcome};
pub use config::Config;
pub use costs::Costs;
pub use entry::{Arrival, Entry};
pub use intake::{Body, Intake, Scope, Taken, unavailable};
pub use memory::{Memory, MemoryError, Note};
pub use owner::{Owner, Report};
pub use plugin::{Detector, LogLine, OpenFailure, Outcome, Place, PluginInfo, Plugins};
pub use quota::{Lease, Quota, QuotaState};
pub use session::SessionError;
pub use settings::{Settings, SettingsError};

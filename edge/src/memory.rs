//! What a shell remembers beside the bucket: a Durable Object's storage, Spin's key-value store, a file. It survives the
//! death of an isolate and may be lost all the same: nothing is wrong then, only slower.

use std::future::Future;

use aia_telemetry::SegmentId;
use serde::{Deserialize, Serialize};

/// A memory that can't be read or written.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("cannot {operation} what is remembered: {reason}")]
pub struct MemoryError {
    /// `read` or `write`.
    pub operation: &'static str,
    /// What it said.
    pub reason: String,
}

/// What is being done, written before it is: where a plugin ends the whole isolate, the next one finds this.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Note {
    /// Segments that are being given to plugins, all of them to all.
    pub at_work: Vec<SegmentId>,
    /// The one plugin and segment, where it is done one by one because it ended badly before.
    pub call: Option<(String, SegmentId)>,
    /// Plugins and the segments that they are to be spared.
    pub skips: Vec<(String, SegmentId)>,
    /// Per plugin the number of a commit: there are none before it that matter.
    pub commits: Vec<(String, u64)>,
}

/// A place for one [`Note`].
pub trait Memory {
    /// The note that was written last; an empty one if there is none.
    fn read(&self) -> impl Future<Output = Result<Note, MemoryError>>;

    /// Writes the note. It is durable when this returns.
    fn write(&self, note: &Note) -> impl Future<Output = Result<(), MemoryError>>;
}

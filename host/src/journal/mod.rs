//! The journal: sealed segments of all projects, one behind the other, in files that only grow. What is in it and
//! synced is acknowledged; what has been compacted into blocks is deleted from it, a whole file at a time.
//!
//! A file is the magic and then frames: length (`u32`), CRC-32 of what follows (`u32`), sequence number (`u64`), segment;
//! integers little-endian. The CRC finds a torn tail; it is the segment's own MAC that proves whose it is.

mod file;
mod writer;

pub use file::{Frame, FramePosition, JournalDamage, read_frames, read_segment};
pub use writer::{Append, Appended, Journal, JournalConfig, JournalError};

pub(crate) use file::{list, remove};
pub(crate) use writer::{Sink, Start, Stored};

//! The journal: sealed segments of all projects, one behind the other, in files that only grow. What is in it and
//! synced is acknowledged; what has been compacted into blocks is deleted from it, a whole file at a time.
//!
//! A file is the magic and then frames: marker (4 bytes), length (`u32`), CRC-32 of what follows (`u32`), sequence number
//! (`u64`), segment; integers little-endian. The CRC finds a torn tail, the marker what lies behind damage; it is the
//! segment's own MAC that proves whose it is.

mod disk;
mod file;
mod recent;
#[cfg(test)]
mod tests;
mod writer;

pub use disk::{Disk, DiskFile, SystemDisk};
pub use file::{Damage, Frame, FramePosition, JournalReadError, read_frames, read_segment};
pub use writer::{Append, Appended, Journal, JournalConfig, JournalError};

pub(crate) use file::{list, quarantine, remove};
pub(crate) use writer::{Sink, Start, Stored};

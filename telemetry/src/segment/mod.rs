//! Segments: what a request carried, sealed. A segment is a header in the clear, its columns compressed, and a MAC
//! over both and over the object key, so that a changed, moved, renamed or foreign segment doesn't verify.
//!
//! ```text
//! mark and format version (4) | header length (4) | header (postcard) | uncompressed length (4) | LZ4 | HMAC-SHA256 (32)
//! ```
//!
//! Lengths are little-endian. A segment without columns, which only carries time, has neither the second length nor LZ4.

mod error;
mod header;
mod project_keys;
mod seal;

pub use error::SegmentError;
pub use header::{
    Header, hour_prefix, minute_of_key, minute_prefix, object_key, peek_header, project_prefix,
};
pub use project_keys::ProjectKeys;
pub use seal::SegmentLimits;

//! Why a body isn't OTLP, or is more of it than is taken.

use crate::MAX_VALUE_DEPTH;

/// Why a body was refused as a whole. It says what was being read and at which byte of the (decompressed) body; for
/// JSON the byte at which the parser stopped. Names are those of OTLP's `.proto` files.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ScanError {
    /// The body ends within a number.
    #[error("reading {reading} at byte {offset}: the message ends within it")]
    Truncated {
        /// Where it begins.
        offset: usize,
        /// Message and field.
        reading: &'static str,
    },
    /// A varint of more than ten bytes or more than 64 bits.
    #[error("reading {reading} at byte {offset}: a varint that doesn't fit into 64 bits")]
    Varint {
        /// Where it begins.
        offset: usize,
        /// Message and field.
        reading: &'static str,
    },
    /// A length that goes past the end of what contains it.
    #[error("reading {reading} at byte {offset}: its length is {length} bytes but only {left} are left")]
    Length {
        /// Where the field's content begins.
        offset: usize,
        /// Message and field.
        reading: &'static str,
        /// Length that is claimed.
        length: u64,
        /// Bytes left in the enclosing message.
        left: usize,
    },
    /// Packed numbers of fixed width whose bytes aren't a whole number of them.
    #[error(
        "reading {reading} at byte {offset}: {length} bytes of packed numbers aren't a multiple of {width}"
    )]
    Packed {
        /// Where the field's content begins.
        offset: usize,
        /// Message and field.
        reading: &'static str,
        /// Bytes of the field.
        length: usize,
        /// Bytes of one number.
        width: usize,
    },
    /// A tag with a field number or wire type that protobuf doesn't have.
    #[error("reading {reading} at byte {offset}: {tag} is no valid tag")]
    Tag {
        /// Behind the tag.
        offset: usize,
        /// Message.
        reading: &'static str,
        /// The tag.
        tag: u64,
    },
    /// A field that is known, but not of this wire type.
    #[error("reading {reading} at byte {offset}: field {field} can't have wire type {wire_type}")]
    WireType {
        /// Behind the tag.
        offset: usize,
        /// Message.
        reading: &'static str,
        /// Field number.
        field: u32,
        /// Wire type.
        wire_type: u32,
    },
    /// A group that doesn't end, ends as another one, or lies too deep in others.
    #[error("reading {reading} at byte {offset}: an unknown group that {problem}")]
    Group {
        /// Where the problem was found.
        offset: usize,
        /// Message.
        reading: &'static str,
        /// What's wrong with it.
        problem: &'static str,
    },
    /// A text that isn't UTF-8.
    #[error("reading {reading} at byte {offset}: not UTF-8")]
    Utf8 {
        /// The first byte that isn't.
        offset: usize,
        /// Message and field.
        reading: &'static str,
    },
    /// Arrays and key-value lists within each other, too deep.
    #[error("reading {reading} at byte {offset}: values nested deeper than the limit of {MAX_VALUE_DEPTH}")]
    Depth {
        /// Where the array or list lies that is one too many.
        offset: usize,
        /// Message and field.
        reading: &'static str,
    },
    /// The body is longer than [`ScanLimits::max_body_bytes`](crate::ScanLimits::max_body_bytes).
    #[error("a body of {length} bytes, but the limit (max_body_bytes) is {limit}")]
    Body {
        /// Its length in bytes.
        length: usize,
        /// The limit in bytes.
        limit: u32,
    },
    /// There are more rows than [`ScanLimits::max_rows`](crate::ScanLimits::max_rows).
    #[error("reading {reading} at byte {offset}: more rows than the limit (max_rows) of {limit}")]
    Rows {
        /// Where the first row is that is one too many.
        offset: usize,
        /// What the rows are.
        reading: &'static str,
        /// The limit.
        limit: u32,
    },
    /// The columns would be larger than [`ScanLimits::max_expansion`](crate::ScanLimits::max_expansion) allows.
    #[error(
        "reading {reading} at byte {offset}: columns of more than {limit} bytes, the limit (max_expansion) for a body \
         of this length"
    )]
    Expansion {
        /// Where it was noticed.
        offset: usize,
        /// What the row is.
        reading: &'static str,
        /// The limit for this body, in bytes.
        limit: u64,
    },
    /// Not JSON, or a value of a type that the field can't have.
    #[error("reading {reading} at byte {offset} (line {line}, column {column}): {reason}")]
    Json {
        /// Where the parser stopped.
        offset: usize,
        /// Message and field.
        reading: String,
        /// Line, from 1.
        line: usize,
        /// Byte within the line, from 1; 0 before the first.
        column: usize,
        /// The parser's words.
        reason: String,
    },
}

/// A limit that was hit, before it is known where.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Breach {
    Depth,
    Rows { limit: u32 },
    Expansion { limit: u64 },
}

impl Breach {
    #[cold]
    pub(crate) fn at(self, offset: usize, reading: &'static str) -> ScanError {
        match self {
            Self::Depth => ScanError::Depth { offset, reading },
            Self::Rows { limit } => ScanError::Rows {
                offset,
                reading,
                limit,
            },
            Self::Expansion { limit } => ScanError::Expansion {
                offset,
                reading,
                limit,
            },
        }
    }
}

//! Why a segment can't be sealed or opened.

use crate::names::{ProjectId, TenantId};
use crate::validate::InvalidColumns;

/// Why a segment can't be sealed or opened. Apart from [`SegmentError::TooLarge`], an error while opening means that the
/// bytes aren't what this deployment sealed for this project under this object key.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// No segment, one of another format version, or cut off.
    #[error("opening a segment: not a segment of format version 1: {reason}")]
    Format {
        /// What is wrong.
        reason: &'static str,
    },
    /// The header names another tenant or project than the keys are for.
    #[error(
        "the segment belongs to project {found_project} of tenant {found_tenant}, \
         the keys to project {project} of tenant {tenant}"
    )]
    Foreign {
        /// Whose keys they are.
        tenant: TenantId,
        /// Whose keys they are.
        project: ProjectId,
        /// What the header says.
        found_tenant: TenantId,
        /// What the header says.
        found_project: ProjectId,
    },
    /// The segment lies under another object key than its header says.
    #[error("opening the segment {found}: its header says that it belongs at {expected}")]
    Moved {
        /// Where it was found.
        found: String,
        /// Where it belongs.
        expected: String,
    },
    /// The MAC is wrong: changed bytes, or another secret.
    #[error("opening the segment {object_key}: its MAC is wrong")]
    Forged {
        /// Where it belongs by its own header, which is not to be trusted.
        object_key: String,
    },
    /// Larger than allowed.
    #[error("segment {object_key}: {what} is limited to {limit} bytes, this one has {found}")]
    TooLarge {
        /// Where it belongs.
        object_key: String,
        /// What is limited.
        what: &'static str,
        /// The limit, in bytes.
        limit: usize,
        /// What was found, in bytes.
        found: usize,
    },
    /// Header and columns don't agree.
    #[error("segment {object_key}: header and columns disagree on {what}")]
    Disagreement {
        /// Where it belongs.
        object_key: String,
        /// On what.
        what: &'static str,
    },
    /// The columns were sealed although they break their own rules.
    #[error("opening the segment {object_key}: its columns are invalid")]
    Invalid {
        /// Where it belongs.
        object_key: String,
        /// What is wrong.
        #[source]
        source: InvalidColumns,
    },
    /// The columns can't be decompressed or decoded, although the MAC is right.
    #[error("opening the segment {object_key}: its columns can't be decoded: {reason}")]
    Columns {
        /// Where it belongs.
        object_key: String,
        /// What is wrong.
        reason: String,
    },
}

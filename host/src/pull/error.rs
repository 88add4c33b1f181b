//! Why something can't be pulled, with what to do about it.

use super::bucket::BucketError;
use crate::journal::JournalError;
use crate::log::{LogError, NoRoom};
use crate::store::StoreError;

/// Why a look at the bucket ended before its end. The next one goes on.
#[derive(Debug, thiserror::Error)]
pub(super) enum PullError {
    /// The bucket doesn't do what it is asked to; that says the remedy.
    #[error("cannot pull segments")]
    Bucket(#[source] BucketError),
    /// Some objects can't be got.
    #[error("cannot pull some segments; trying them again")]
    Object(#[source] BucketError),
    /// The store failed.
    #[error("cannot keep account of what was pulled")]
    Store(#[from] StoreError),
    /// The log can't say what it holds.
    #[error("cannot tell which segments were pulled already")]
    Log(#[from] LogError),
    /// The log doesn't take segments.
    #[error("cannot journal pulled segments")]
    Append(#[source] JournalError),
    /// There is no room for them. They wait in the bucket.
    #[error("segments wait in the bucket; raise `retention.project-bytes`, or give the disk more room")]
    NoRoom(#[source] NoRoom),
    /// The host is being stopped.
    #[error("the host is being stopped")]
    Stopped,
}

impl From<BucketError> for PullError {
    fn from(error: BucketError) -> Self {
        Self::Bucket(error)
    }
}

impl From<JournalError> for PullError {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::NoRoom(reason) => Self::NoRoom(reason),
            JournalError::Closed => Self::Stopped,
            error => Self::Append(error),
        }
    }
}

impl PullError {
    /// Whether other projects will meet the same.
    pub(super) fn concerns_all(&self) -> bool {
        match self {
            Self::Bucket(error) => matches!(
                error,
                BucketError::Unreachable { .. } | BucketError::Denied { .. } | BucketError::Answer { .. }
            ),
            Self::Store(_) | Self::Append(_) | Self::Stopped => true,
            Self::Object(_) | Self::Log(_) | Self::NoRoom(_) => false,
        }
    }
}

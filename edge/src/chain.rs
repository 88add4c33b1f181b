//! A session's commits as they lie in the bucket: the last one found, and a run of them read and verified.

use aia_telemetry::{
    Commit, CommitError, ProjectKeys, commit_hash, commit_key, commit_number, session_prefix,
};

use crate::bucket::{Bucket, BucketError};

/// A commit, and what the next one names it by.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// The commit.
    pub commit: Commit,
    /// BLAKE3 of its object.
    pub hash: [u8; 32],
}

/// Why commits can't be read.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// The bucket failed.
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// One isn't what was sealed.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// One is missing between others.
    #[error("the commit {object_key} is missing")]
    Missing {
        /// Where it should be.
        object_key: String,
    },
    /// One doesn't follow the one before.
    #[error("the commit {object_key} doesn't follow the one before it")]
    Broken {
        /// Where it lies.
        object_key: String,
    },
}

/// The number of a session's last commit, 0 if there is none. There is one with number `known`, or `known` is 0.
///
/// # Errors
/// If the bucket can't list.
pub async fn last_commit<B: Bucket>(
    bucket: &B,
    keys: &ProjectKeys,
    plugin: &str,
    known: u64,
) -> Result<u64, BucketError> {
    let prefix = session_prefix(keys.tenant(), keys.project(), plugin);
    let mut last = known;
    let mut after = (known > 0).then(|| commit_key(keys.tenant(), keys.project(), plugin, known));
    loop {
        let page = bucket.list(&prefix, after.as_deref()).await?;
        let Some(end) = page.last() else {
            return Ok(last);
        };
        if let Some(number) = page.iter().rev().find_map(|key| commit_number(key)) {
            last = last.max(number);
        }
        after = Some(end.clone());
    }
}

/// Reads commits `first` to `last` of a session, and verifies that each follows the one before.
///
/// # Errors
/// If one is missing, can't be read, or isn't what was sealed.
pub async fn read_commits<B: Bucket>(
    bucket: &B,
    keys: &ProjectKeys,
    plugin: &str,
    first: u64,
    last: u64,
) -> Result<Vec<Link>, ChainError> {
    let mut links: Vec<Link> = Vec::new();
    for number in first..=last {
        let object_key = commit_key(keys.tenant(), keys.project(), plugin, number);
        let Some(object) = bucket.get(&object_key).await? else {
            return Err(ChainError::Missing { object_key });
        };
        let commit = keys.open_commit(plugin, number, &object)?;
        let follows = match links.last() {
            Some(before) => {
                commit.previous == before.hash
                    && commit.first_segment_ordinal == before.commit.last_ordinal() + 1
            }
            None => number > 1 || commit.previous == [0; 32],
        };
        if !follows {
            return Err(ChainError::Broken { object_key });
        }
        links.push(Link {
            commit,
            hash: commit_hash(&object),
        });
    }
    Ok(links)
}

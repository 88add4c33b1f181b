//! Commits: how a session advances. Commit *n* of a session says which segments its plugin read, in order, what it found
//! in them, and from which snapshot another runtime can go on.

use serde::{Deserialize, Serialize};

use crate::names::{ProjectId, SegmentId, TenantId};

/// Version of the encoding: its first byte.
const FORMAT_VERSION: u8 = 1;

/// A commit of a session, which belongs to a project and a plugin.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Commit {
    /// Its number, from 1 with no gap. Only one commit of a session can have it.
    pub number: u64,
    /// BLAKE3 of the plugin's file.
    pub plugin_digest: [u8; 32],
    /// Name of the plugin.
    pub plugin: String,
    /// The segments consumed since the commit before, in order.
    pub segments: Vec<SegmentId>,
    /// Ordinal of the first of them within the session, from 1; the others follow without a gap.
    pub first_segment_ordinal: u64,
    /// When the last of them was received, in nanoseconds since the Unix epoch; that of the commit before if there is
    /// none.
    pub received_at: u64,
    /// The signals found, in order, each as the runtime encodes it.
    pub signals: Vec<Vec<u8>>,
    /// The plugin's state behind these segments, if this commit has one.
    pub snapshot: Option<Vec<u8>>,
    /// Number of the last commit with a snapshot: this one if it has one, 0 if no commit has.
    pub snapshot_commit: u64,
}

/// Why bytes are no commit.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CommitError {
    /// Written by another version.
    #[error("decoding a commit: format version {found} isn't known, only {FORMAT_VERSION}")]
    Version {
        /// The version found.
        found: u8,
    },
    /// Empty, cut off or damaged.
    #[error("decoding a commit: {reason}")]
    Damaged {
        /// What is wrong.
        reason: String,
    },
    /// Can't be written.
    #[error("encoding a commit: {reason}")]
    Encode {
        /// What is wrong.
        reason: String,
    },
}

impl Commit {
    /// The commit as a version byte and postcard.
    ///
    /// # Errors
    /// If the encoder fails, which it has no reason to.
    pub fn encode(&self) -> Result<Vec<u8>, CommitError> {
        postcard::to_extend(self, vec![FORMAT_VERSION]).map_err(|error| CommitError::Encode {
            reason: error.to_string(),
        })
    }

    /// Reads what [`Commit::encode`] wrote. Allocates no more than a small multiple of the input.
    ///
    /// # Errors
    /// If it was written by another version or is damaged.
    pub fn decode(bytes: &[u8]) -> Result<Self, CommitError> {
        let damaged = |reason: &dyn ToString| CommitError::Damaged {
            reason: reason.to_string(),
        };
        match bytes.split_first() {
            None => Err(damaged(&"it is empty")),
            Some((&FORMAT_VERSION, commit)) => match postcard::take_from_bytes(commit) {
                Ok((commit, [])) => Ok(commit),
                Ok((_, rest)) => Err(damaged(&format_args!("{} bytes are left over", rest.len()))),
                Err(error) => Err(damaged(&error)),
            },
            Some((&found, _)) => Err(CommitError::Version { found }),
        }
    }
}

/// Where commit `number` of a session lies in the object store: `sessions/<tenant>/<project>/<plugin>/<number>`. The number
/// has 20 digits, so that listings are in order.
#[must_use]
pub fn commit_key(tenant: &TenantId, project: &ProjectId, plugin: &str, number: u64) -> String {
    format!("{}{number:020}", session_prefix(tenant, project, plugin))
}

/// What the keys of all commits of a session start with.
#[must_use]
pub fn session_prefix(tenant: &TenantId, project: &ProjectId, plugin: &str) -> String {
    format!("sessions/{tenant}/{project}/{plugin}/")
}

/// The id of a signal, 32 hexadecimal digits: a hash of its commit (tenant, project, plugin, number) and its index in
/// [`Commit::signals`]. Storing a signal twice is storing it once.
#[must_use]
pub fn signal_id(tenant: &TenantId, project: &ProjectId, plugin: &str, number: u64, index: u32) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"aia signal id 1\0");
    for name in [tenant.as_str(), project.as_str(), plugin] {
        hasher
            .update(&(name.len() as u64).to_le_bytes())
            .update(name.as_bytes());
    }
    hasher.update(&number.to_le_bytes()).update(&index.to_le_bytes());
    let mut id = [0; 16];
    hasher.finalize_xof().fill(&mut id);
    SegmentId(id).to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names() -> (TenantId, ProjectId) {
        (TenantId::new("acme").unwrap(), ProjectId::new("shop").unwrap())
    }

    fn commit() -> Commit {
        Commit {
            number: 7,
            plugin_digest: [5; 32],
            plugin: "errors".to_owned(),
            segments: vec![SegmentId([1; 16]), SegmentId([2; 16])],
            first_segment_ordinal: 40,
            received_at: 1_674_981_234_567_890_123,
            signals: vec![b"one".to_vec(), Vec::new()],
            snapshot: Some(vec![9; 100]),
            snapshot_commit: 7,
        }
    }

    #[test]
    fn keys_are_in_order() {
        let (tenant, project) = names();
        let key = |number| commit_key(&tenant, &project, "errors", number);
        insta::assert_snapshot!(key(7), @"sessions/acme/shop/errors/00000000000000000007");
        assert!(key(9) < key(10) && key(10) < key(u64::MAX));
    }

    #[test]
    fn signal_ids_are_pinned_and_distinct() {
        let (tenant, project) = names();
        let id = signal_id(&tenant, &project, "errors", 7, 0);
        insta::assert_snapshot!(id, @"3aee7c5000325f213b3c85f2dc3970aa");
        let blog = ProjectId::new("blog").unwrap();
        for other in [
            signal_id(&tenant, &project, "errors", 7, 1),
            signal_id(&tenant, &project, "errors", 8, 0),
            signal_id(&tenant, &project, "latency", 7, 0),
            signal_id(&tenant, &blog, "errors", 7, 0),
        ] {
            assert_ne!(id, other);
        }
    }

    #[test]
    fn damaged_commits_are_refused() {
        insta::assert_snapshot!(Commit::decode(b"").unwrap_err(), @"decoding a commit: it is empty");
        insta::assert_snapshot!(
            Commit::decode(b"\x02").unwrap_err(),
            @"decoding a commit: format version 2 isn't known, only 1"
        );
        let bytes = commit().encode().unwrap();
        insta::assert_snapshot!(
            Commit::decode(&[&bytes[..], b"x"].concat()).unwrap_err(),
            @"decoding a commit: 1 bytes are left over"
        );
        for length in 1..bytes.len() {
            assert!(
                Commit::decode(&bytes[..length]).is_err(),
                "cut after {length} bytes"
            );
        }
    }

    proptest! {
        #[test]
        fn commits_come_back(
            numbers: (u64, u64, u64, u64),
            segments: Vec<[u8; 16]>,
            signals: Vec<Vec<u8>>,
            snapshot: Option<Vec<u8>>,
        ) {
            let (number, first_segment_ordinal, received_at, snapshot_commit) = numbers;
            let segments = segments.into_iter().map(SegmentId).collect();
            let commit = Commit {
                number, first_segment_ordinal, received_at, snapshot_commit, segments, signals, snapshot, ..commit()
            };
            prop_assert_eq!(Commit::decode(&commit.encode().unwrap()).unwrap(), commit);
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
            let _ = Commit::decode(&bytes);
            let _ = Commit::decode(&[&[FORMAT_VERSION][..], &bytes].concat());
        }
    }
}

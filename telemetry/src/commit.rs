//! Commits: how a session advances in the bucket. Commit *n* of a session says which segments its plugin read, in order,
//! what it found in them, and from which snapshot another runtime can go on. Whoever creates the object owns *n*.
//!
//! An object is a mark, the commit in postcard, and a MAC under a key of the project. The MAC covers the object's key as
//! well, and each commit names the hash of the one before: none can be forged, moved, left out or put in.

use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::keys::hmac_sha256;
use crate::names::{ProjectId, SegmentId, TenantId};
use crate::segment::ProjectKeys;
use crate::signal::Signal;

/// What a commit starts with: a mark and the version of the format.
const MAGIC: [u8; 4] = *b"AIC\x01";
const MAC_BYTES: usize = 32;

/// A segment that a session has consumed.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Consumed {
    /// Its id.
    pub id: SegmentId,
    /// When it was received, in nanoseconds since the Unix epoch: with the id, where it lies.
    pub received_at: u64,
    /// When the session observed it, in the session's time: that of its receipt, or later if time had passed already.
    pub observed_at: u64,
    /// Its rows; 0 for one that carries nothing but time, which lies nowhere.
    pub rows: u32,
    /// Whether the plugin failed on it and was spared it.
    pub is_skipped: bool,
}

/// A commit of a session, which belongs to a project and a plugin.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Commit {
    /// Its number, from 1 with no gap. Only one commit of a session can have it.
    pub number: u64,
    /// BLAKE3 of the sealed commit before; zeros for the first one.
    pub previous: [u8; 32],
    /// BLAKE3 of the plugin's file.
    pub plugin_digest: [u8; 32],
    /// Name of the plugin.
    pub plugin: String,
    /// The segments consumed since the commit before, in order.
    pub segments: Vec<Consumed>,
    /// Ordinal of the first of them within the session, from 1; the others follow without a gap.
    pub first_segment_ordinal: u64,
    /// Up to when time has passed for the session, in nanoseconds since the Unix epoch: the greatest time of receipt of its
    /// segments so far.
    pub received_at: u64,
    /// The signals found, in order, with the time at which each was.
    pub signals: Vec<(u64, Signal)>,
    /// The plugin's state behind these segments, if this commit has one.
    pub snapshot: Option<Vec<u8>>,
    /// Number of the last commit with a snapshot: this one if it has one, 0 if no commit has.
    pub snapshot_commit: u64,
}

/// Why bytes are no commit of a session.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CommitError {
    /// Another format, or cut off.
    #[error("reading the commit {object_key}: not a commit of format version 1")]
    Format {
        /// Where it lies.
        object_key: String,
    },
    /// Changed, moved, or sealed with another secret.
    #[error("reading the commit {object_key}: its MAC is wrong")]
    Forged {
        /// Where it lies.
        object_key: String,
    },
    /// Says something else than its key.
    #[error("reading the commit {object_key}: it says that it is commit {number} of `{plugin}`")]
    Moved {
        /// Where it lies.
        object_key: String,
        /// What it says.
        number: u64,
        /// What it says.
        plugin: String,
    },
    /// Can't be written.
    #[error("encoding a commit: {reason}")]
    Encode {
        /// What is wrong.
        reason: String,
    },
}

impl Commit {
    /// Mark and commit without a MAC, which [`ProjectKeys::seal_commit`] adds.
    ///
    /// # Errors
    /// If the encoder fails, which it has no reason to.
    pub fn encode(&self) -> Result<Vec<u8>, CommitError> {
        postcard::to_extend(self, MAGIC.to_vec()).map_err(|error| CommitError::Encode {
            reason: error.to_string(),
        })
    }

    /// Reads what [`Commit::encode`] wrote; none if it is something else. Allocates no more than a small multiple of the
    /// input.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        match postcard::take_from_bytes(bytes.strip_prefix(&MAGIC)?) {
            Ok((commit, [])) => Some(commit),
            _ => None,
        }
    }

    /// Ordinal of the last segment consumed, 0 if there is none yet.
    #[must_use]
    pub fn last_ordinal(&self) -> u64 {
        (self.first_segment_ordinal + self.segments.len() as u64).saturating_sub(1)
    }
}

impl ProjectKeys {
    /// A commit as an object.
    ///
    /// # Errors
    /// If the encoder fails, which it has no reason to.
    pub fn seal_commit(&self, commit: &Commit) -> Result<Vec<u8>, CommitError> {
        let mut object = commit.encode()?;
        let key = commit_key(self.tenant(), self.project(), &commit.plugin, commit.number);
        let mac = self.commit_mac(&key, &object).finalize().into_bytes();
        object.extend_from_slice(&mac);
        Ok(object)
    }

    /// Verifies and reads commit `number` of a plugin's session. Nothing is decoded before the MAC was verified, in constant
    /// time.
    ///
    /// # Errors
    /// If it isn't exactly what was sealed for this project, plugin and number.
    pub fn open_commit(&self, plugin: &str, number: u64, object: &[u8]) -> Result<Commit, CommitError> {
        let object_key = commit_key(self.tenant(), self.project(), plugin, number);
        let Some((sealed, mac)) = object.split_last_chunk::<MAC_BYTES>() else {
            return Err(CommitError::Format { object_key });
        };
        if self.commit_mac(&object_key, sealed).verify_slice(mac).is_err() {
            return Err(CommitError::Forged { object_key });
        }
        let Some(commit) = Commit::decode(sealed) else {
            return Err(CommitError::Format { object_key });
        };
        if commit.number != number || commit.plugin != plugin {
            let Commit { number, plugin, .. } = commit;
            return Err(CommitError::Moved {
                object_key,
                number,
                plugin,
            });
        }
        Ok(commit)
    }

    /// The MAC over object key and commit, with the length between them, so that no two pairs give the same bytes.
    fn commit_mac(&self, object_key: &str, sealed: &[u8]) -> Hmac<Sha256> {
        hmac_sha256(self.commit_key())
            .chain_update((object_key.len() as u64).to_le_bytes())
            .chain_update(object_key)
            .chain_update(sealed)
    }
}

/// What the next commit names as the one before.
#[must_use]
pub fn commit_hash(object: &[u8]) -> [u8; 32] {
    *blake3::hash(object).as_bytes()
}

/// The number that a commit's key ends with.
#[must_use]
pub fn commit_number(object_key: &str) -> Option<u64> {
    let digits = object_key.rsplit_once('/')?.1;
    let is_number = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| is_number)
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
    use crate::secret::RootSecret;
    use crate::signal::{Fingerprint, Measure, RowId, Severity};

    fn names() -> (TenantId, ProjectId) {
        (TenantId::new("acme").unwrap(), ProjectId::new("shop").unwrap())
    }

    fn keys(secret: u8) -> ProjectKeys {
        let (tenant, project) = names();
        ProjectKeys::derive(&RootSecret::new([secret; 32]), &tenant, &project)
    }

    fn consumed(id: u8) -> Consumed {
        Consumed {
            id: SegmentId([id; 16]),
            received_at: 1_674_981_234_567_890_123,
            observed_at: 1_674_981_234_567_890_123,
            rows: 512,
            is_skipped: false,
        }
    }

    fn signal() -> Signal {
        Signal {
            kind: "errors.exception".to_owned(),
            severity: Severity::High,
            fingerprint: Fingerprint {
                version: 1,
                parts: vec!["payment".to_owned()],
            },
            title: "LedgerError".to_owned(),
            service: "payment".to_owned(),
            operation: "POST /charges".to_owned(),
            release: "2.0.0".to_owned(),
            affected: vec!["checkout".to_owned()],
            start_time: 1,
            end_time: u64::MAX,
            count: 7,
            measures: vec![Measure {
                name: "errors.rate".to_owned(),
                unit: "{error}/s".to_owned(),
                value: 0.1,
                baseline: None,
            }],
            details: Vec::new(),
            evidence: vec![RowId { segment: 40, row: 3 }],
        }
    }

    fn commit() -> Commit {
        Commit {
            number: 7,
            previous: [1; 32],
            plugin_digest: [5; 32],
            plugin: "errors".to_owned(),
            segments: vec![consumed(1), consumed(2)],
            first_segment_ordinal: 40,
            received_at: 1_674_981_234_567_890_123,
            signals: vec![(1_674_981_234_567_890_123, signal())],
            snapshot: Some(vec![9; 100]),
            snapshot_commit: 7,
        }
    }

    #[test]
    fn keys_are_in_order_and_say_the_number() {
        let (tenant, project) = names();
        let key = |number| commit_key(&tenant, &project, "errors", number);
        insta::assert_snapshot!(key(7), @"sessions/acme/shop/errors/00000000000000000007");
        assert!(key(9) < key(10) && key(10) < key(u64::MAX));
        assert_eq!(commit_number(&key(u64::MAX)), Some(u64::MAX));
        for other in [
            "",
            "7",
            "sessions/acme/shop/errors/7",
            "a/+0000000000000000007",
            "a/99999999999999999999",
        ] {
            assert_eq!(commit_number(other), None, "{other}");
        }
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
    fn what_is_no_commit_of_the_session_is_refused() {
        let keys = keys(1);
        let object = keys.seal_commit(&commit()).unwrap();
        assert_eq!(keys.open_commit("errors", 7, &object).unwrap(), commit());
        insta::assert_snapshot!(
            keys.open_commit("errors", 7, b"").unwrap_err(),
            @"reading the commit sessions/acme/shop/errors/00000000000000000007: not a commit of format version 1"
        );
        insta::assert_snapshot!(
            keys.open_commit("errors", 8, &object).unwrap_err(),
            @"reading the commit sessions/acme/shop/errors/00000000000000000008: its MAC is wrong"
        );
        assert!(keys.open_commit("latency", 7, &object).is_err());
        let (tenant, project) = (TenantId::new("evil").unwrap(), ProjectId::new("shop").unwrap());
        let foreign = ProjectKeys::derive(&RootSecret::new([1; 32]), &tenant, &project);
        assert!(foreign.open_commit("errors", 7, &object).is_err());
        assert!(self::keys(2).open_commit("errors", 7, &object).is_err());
        for length in 0..object.len() {
            assert!(
                keys.open_commit("errors", 7, &object[..length]).is_err(),
                "cut after {length} bytes"
            );
        }
    }

    proptest! {
        #[test]
        fn commits_come_back(
            numbers: (u64, u64, u64, u64),
            segments: Vec<([u8; 16], u64, u32, bool)>,
            signals: Vec<(u64, u64, String, f64)>,
            snapshot: Option<Vec<u8>>,
        ) {
            let (number, first_segment_ordinal, received_at, snapshot_commit) = numbers;
            let segments = segments
                .into_iter()
                .map(|(id, received_at, rows, is_skipped)| Consumed {
                    id: SegmentId(id), received_at, observed_at: received_at, rows, is_skipped,
                })
                .collect();
            let signals = signals
                .into_iter()
                .filter(|(.., value)| !value.is_nan())
                .map(|(at, count, title, value)| {
                    let measure = Measure { baseline: Some(value), value, ..signal().measures[0].clone() };
                    (at, Signal { count, title, measures: vec![measure], ..signal() })
                })
                .collect();
            let commit = Commit {
                number, first_segment_ordinal, received_at, snapshot_commit, segments, signals, snapshot, ..commit()
            };
            let object = keys(1).seal_commit(&commit).unwrap();
            prop_assert_eq!(keys(1).open_commit("errors", number, &object).unwrap(), commit);
        }

        #[test]
        fn no_changed_commit_opens(at: prop::sample::Index, bit in 0_u8..8) {
            let mut object = keys(1).seal_commit(&commit()).unwrap();
            let at = at.index(object.len());
            object[at] ^= 1 << bit;
            prop_assert!(keys(1).open_commit("errors", 7, &object).is_err());
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
            let keys = keys(1);
            prop_assert!(keys.open_commit("errors", 7, &bytes).is_err());
            let _ = Commit::decode(&[&MAGIC[..], &bytes].concat());
        }
    }
}

//! Snapshots: a version number, then the state as postcard.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Largest snapshot that a host takes, in bytes. It protects commits, which carry them: at the edge they are objects
/// that are read whole whenever an isolate starts.
pub const MAX_BYTES: usize = 1 << 20;

/// Why a snapshot can't be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DecodeError {
    /// It was made by another version of the plugin.
    #[error("snapshot has version {found}, this plugin reads version {expected}")]
    Version {
        /// Version of the snapshot.
        found: u32,
        /// Version asked for.
        expected: u32,
    },
    /// It isn't what [`encode`] gives.
    #[error("snapshot of {bytes} bytes is damaged: {reason}")]
    Damaged {
        /// Its length.
        bytes: usize,
        /// What is wrong.
        reason: String,
    },
}

/// Encodes a state. Change `version` whenever the type changes.
///
/// A type that can't be serialised (none of serde's derives gives such a one) encodes as nothing, which
/// [`decode`] refuses as damaged.
#[must_use]
pub fn encode<T: Serialize>(version: u32, state: &T) -> Vec<u8> {
    postcard::to_extend(state, version.to_le_bytes().to_vec()).unwrap_or_default()
}

/// Decodes a state that [`encode`] gave with the same version.
///
/// # Errors
/// When the version is another one, or the bytes aren't a state: cut short, too long, or damaged.
pub fn decode<T: DeserializeOwned>(version: u32, bytes: &[u8]) -> Result<T, DecodeError> {
    let damaged = |reason: String| DecodeError::Damaged {
        bytes: bytes.len(),
        reason,
    };
    let (head, body) = bytes
        .split_first_chunk::<4>()
        .ok_or_else(|| damaged("shorter than its version".into()))?;
    let found = u32::from_le_bytes(*head);
    if found != version {
        return Err(DecodeError::Version {
            found,
            expected: version,
        });
    }
    let (state, rest) = postcard::take_from_bytes(body).map_err(|error| damaged(error.to_string()))?;
    if !rest.is_empty() {
        return Err(damaged(format!("{} bytes too many", rest.len())));
    }
    Ok(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back() {
        let state = vec![(1_u64, String::from("a")), (2, String::from("b"))];
        assert_eq!(decode::<Vec<(u64, String)>>(3, &encode(3, &state)), Ok(state));
    }

    #[test]
    fn other_versions_and_damage_are_refused() {
        let bytes = encode(3, &vec![1_u32, 2, 3]);
        assert_eq!(
            decode::<Vec<u32>>(4, &bytes),
            Err(DecodeError::Version {
                found: 3,
                expected: 4
            })
        );
        for end in 0..bytes.len() {
            assert!(
                matches!(
                    decode::<Vec<u32>>(3, &bytes[..end]),
                    Err(DecodeError::Damaged { .. })
                ),
                "{end}"
            );
        }
        let error = decode::<Vec<u32>>(3, &[&bytes[..], &[0]].concat()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "snapshot of 9 bytes is damaged: 1 bytes too many"
        );
    }
}

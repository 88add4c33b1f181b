//! Names of tenants, projects and ingest keys, and ids of segments: checked once, where they come in, so that they
//! can be part of object keys, MACs and log lines without any escaping.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Longest name, in bytes. Four of them and their separators stay far below the 1,024 bytes that S3 gives an
/// object key.
pub const MAX_NAME_BYTES: usize = 40;

/// A text that is no name.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NameError {
    /// Too short or too long.
    #[error("a {what} has 1 to {MAX_NAME_BYTES} characters, not {length}")]
    Length {
        /// What was to be named, such as `tenant name`.
        what: &'static str,
        /// Length found, in bytes.
        length: usize,
    },
    /// Some other character than `a`–`z`, `0`–`9` and `-`.
    #[error("a {what} consists of a-z, 0-9 and '-'; character {position} is none of these")]
    Character {
        /// What was to be named, such as `tenant name`.
        what: &'static str,
        /// Where the first wrong byte stands, from 1.
        position: usize,
    },
}

/// Checks a name: `[a-z0-9-]{1,40}`.
fn check(what: &'static str, name: &str) -> Result<(), NameError> {
    if name.is_empty() || name.len() > MAX_NAME_BYTES {
        return Err(NameError::Length {
            what,
            length: name.len(),
        });
    }
    match name
        .bytes()
        .position(|byte| !matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    {
        Some(before) => Err(NameError::Character {
            what,
            position: before + 1,
        }),
        None => Ok(()),
    }
}

/// Declares a kind of name.
macro_rules! names {
    ($($(#[$doc:meta])* $name:ident = $what:literal;)*) => {
        $(
            $(#[$doc])*
            ///
            /// 1 to 40 characters of `a`–`z`, `0`–`9` and `-`. Cloning doesn't copy the text.
            #[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
            pub struct $name(Arc<str>);

            impl $name {
                /// Checks and takes a name.
                ///
                /// # Errors
                /// Says what is wrong with it; never repeats the text.
                pub fn new(name: &str) -> Result<Self, NameError> {
                    check($what, name)?;
                    Ok(Self(Arc::from(name)))
                }

                /// The text.
                #[must_use]
                pub fn as_str(&self) -> &str {
                    &self.0
                }
            }

            impl fmt::Debug for $name {
                fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                    write!(formatter, concat!(stringify!($name), "({})"), self.0)
                }
            }

            impl fmt::Display for $name {
                fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                    formatter.pad(&self.0)
                }
            }

            impl AsRef<str> for $name {
                fn as_ref(&self) -> &str {
                    &self.0
                }
            }

            impl FromStr for $name {
                type Err = NameError;

                fn from_str(name: &str) -> Result<Self, NameError> {
                    Self::new(name)
                }
            }

            impl Serialize for $name {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    serializer.serialize_str(&self.0)
                }
            }

            impl<'de> Deserialize<'de> for $name {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    let name = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                    Self::new(&name).map_err(de::Error::custom)
                }
            }
        )*
    };
}

names! {
    /// A tenant: the border that no data crosses.
    TenantId = "tenant name";
    /// A project of a tenant: what is observed together. Unique within its tenant only.
    ProjectId = "project name";
    /// An ingest key of a project, to tell keys apart and to revoke one. No secret.
    KeyId = "key id";
}

/// The id of a segment: 128 bits, written as 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SegmentId(pub [u8; 16]);

/// A text that is no segment id.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a segment id is 32 lower-case hexadecimal digits")]
pub struct SegmentIdError;

impl fmt::Display for SegmentId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for SegmentId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SegmentId({self})")
    }
}

impl FromStr for SegmentId {
    type Err = SegmentIdError;

    fn from_str(text: &str) -> Result<Self, SegmentIdError> {
        // One text per id: object keys are compared as texts, so upper case would be a second name.
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(SegmentIdError),
        };
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let mut id = [0; 16];
        if pairs.len() != id.len() || !rest.is_empty() {
            return Err(SegmentIdError);
        }
        for (byte, &[high, low]) in id.iter_mut().zip(pairs) {
            *byte = digit(high)? << 4 | digit(low)?;
        }
        Ok(Self(id))
    }
}

impl Serialize for SegmentId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for SegmentId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
            text.parse().map_err(de::Error::custom)
        } else {
            <[u8; 16]>::deserialize(deserializer).map(Self)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_checked() {
        insta::assert_snapshot!(TenantId::new("").unwrap_err(), @"a tenant name has 1 to 40 characters, not 0");
        insta::assert_snapshot!(
            ProjectId::new(&"p".repeat(41)).unwrap_err(),
            @"a project name has 1 to 40 characters, not 41"
        );
        insta::assert_snapshot!(
            KeyId::new("key.1").unwrap_err(),
            @"a key id consists of a-z, 0-9 and '-'; character 4 is none of these"
        );
        for bad in ["A", "ä", "a/b", "a b", "../x", "a\0", "a_b"] {
            assert!(TenantId::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_from_json_are_checked() {
        assert_eq!(
            serde_json::from_str::<TenantId>("\"acme-1\"").unwrap().as_str(),
            "acme-1"
        );
        // An escape forces serde_json to hand over an owned text.
        assert_eq!(
            serde_json::from_str::<TenantId>("\"\\u0061cme\"")
                .unwrap()
                .as_str(),
            "acme"
        );
        assert!(serde_json::from_str::<TenantId>("\"Acme\"").is_err());
    }

    #[test]
    fn segment_ids_have_one_text() {
        let id = SegmentId(*b"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\xfe\xff");
        assert_eq!(id.to_string(), "000102030405060708090a0b0c0dfeff");
        for bad in [
            "",
            "00",
            "000102030405060708090A0B0C0DFEFF",
            "000102030405060708090a0b0c0dfeff0",
            "ä",
        ] {
            assert_eq!(bad.parse::<SegmentId>(), Err(SegmentIdError), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn names_come_back(text in "[a-z0-9-]{1,40}") {
            let name = TenantId::new(&text).unwrap();
            prop_assert_eq!(name.to_string(), text);
            let bytes = postcard::to_allocvec(&name).unwrap();
            prop_assert_eq!(postcard::from_bytes::<TenantId>(&bytes).unwrap(), name);
        }

        #[test]
        fn segment_ids_come_back(bytes: [u8; 16]) {
            let id = SegmentId(bytes);
            prop_assert_eq!(id.to_string().parse::<SegmentId>().unwrap(), id);
            prop_assert_eq!(serde_json::from_value::<SegmentId>(serde_json::to_value(id).unwrap()).unwrap(), id);
            let encoded = postcard::to_allocvec(&id).unwrap();
            prop_assert_eq!(encoded.len(), 16);
            prop_assert_eq!(postcard::from_bytes::<SegmentId>(&encoded).unwrap(), id);
        }
    }
}

//! Sealing and opening segments.

use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::SegmentError;
use super::header::{Header, object_key, split_header, write_header};
use super::project_keys::ProjectKeys;
use crate::columns::Columns;
use crate::keys::hmac_sha256;
use crate::validate::validate;

const MAC_BYTES: usize = 32;
/// LZ4 makes at most 255 bytes out of one, and a block has at least a token.
const MAX_LZ4_RATIO: usize = 255;

/// How much opening a segment may cost.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SegmentLimits {
    /// Most bytes that the columns may have decompressed: what is allocated at once. By default 256 MiB: four times the
    /// largest request that the host takes by default, since columns of absurdly small rows are larger than their
    /// protobuf.
    pub max_columns_bytes: usize,
}

impl Default for SegmentLimits {
    fn default() -> Self {
        Self {
            max_columns_bytes: 256 << 20,
        }
    }
}

impl ProjectKeys {
    /// Seals a segment: header, compressed columns, MAC.
    ///
    /// # Errors
    /// If the header names another project than the keys are for, if it disagrees with the columns on signal or rows, or
    /// if these have 4 GiB or more.
    pub fn seal(&self, header: &Header, columns: Option<&Columns>) -> Result<Vec<u8>, SegmentError> {
        let object_key = object_key(header);
        self.check_owner(header)?;
        check_agreement(header, columns, &object_key)?;
        let mut segment = write_header(header)?;
        if let Some(columns) = columns {
            let encoded = postcard::to_allocvec(columns).map_err(|error| SegmentError::Columns {
                object_key: object_key.clone(),
                reason: error.to_string(),
            })?;
            let length = u32::try_from(encoded.len()).map_err(|_| SegmentError::TooLarge {
                object_key: object_key.clone(),
                what: "the size of its columns",
                limit: u32::MAX as usize,
                found: encoded.len(),
            })?;
            segment.extend_from_slice(&length.to_le_bytes());
            segment.extend_from_slice(&lz4_flex::block::compress(&encoded));
        }
        let mac = self.mac(&object_key, &segment).finalize().into_bytes();
        segment.extend_from_slice(&mac);
        Ok(segment)
    }

    /// Opens a segment that was found under `found_at` in the object store: like [`ProjectKeys::open`], and refuses one
    /// that doesn't belong there.
    ///
    /// # Errors
    /// As `open`, and if the segment was moved or renamed.
    pub fn open_at(
        &self,
        found_at: &str,
        segment: &[u8],
        limits: &SegmentLimits,
    ) -> Result<(Header, Option<Columns>), SegmentError> {
        let (header, _) = split_header(segment)?;
        let expected = object_key(&header);
        if expected != found_at {
            return Err(SegmentError::Moved {
                found: found_at.to_owned(),
                expected,
            });
        }
        self.open(segment, limits)
    }

    /// Verifies and opens a segment that wasn't found under an object key, such as one from the journal. Nothing but the
    /// header is decoded before the MAC was verified, in constant time; the columns are validated.
    ///
    /// # Errors
    /// If it isn't exactly what was sealed for this project, or larger than allowed.
    pub fn open(
        &self,
        segment: &[u8],
        limits: &SegmentLimits,
    ) -> Result<(Header, Option<Columns>), SegmentError> {
        let (header, _) = split_header(segment)?;
        self.check_owner(&header)?;
        let object_key = object_key(&header);
        let (sealed, mac) = segment
            .split_last_chunk::<MAC_BYTES>()
            .ok_or(SegmentError::Format {
                reason: "it is cut off",
            })?;
        if self.mac(&object_key, sealed).verify_slice(mac).is_err() {
            return Err(SegmentError::Forged { object_key });
        }
        // Again without the MAC: the header may have swallowed part of it.
        let (header, payload) = split_header(sealed)?;
        let columns = match (header.signal, payload) {
            (None, []) => None,
            (None, _) => {
                return Err(SegmentError::Disagreement {
                    object_key,
                    what: "whether there are any",
                });
            }
            (Some(_), payload) => Some(decode_columns(payload, limits, &object_key)?),
        };
        check_agreement(&header, columns.as_ref(), &object_key)?;
        Ok((header, columns))
    }

    /// The MAC over object key and segment, with the length between them, so that no two pairs give the same bytes.
    fn mac(&self, object_key: &str, sealed: &[u8]) -> Hmac<Sha256> {
        hmac_sha256(&self.mac_key)
            .chain_update((object_key.len() as u64).to_le_bytes())
            .chain_update(object_key)
            .chain_update(sealed)
    }

    fn check_owner(&self, header: &Header) -> Result<(), SegmentError> {
        if header.tenant == *self.tenant() && header.project == *self.project() {
            return Ok(());
        }
        Err(SegmentError::Foreign {
            tenant: self.tenant().clone(),
            project: self.project().clone(),
            found_tenant: header.tenant.clone(),
            found_project: header.project.clone(),
        })
    }
}

/// Decompresses, decodes and validates columns.
fn decode_columns(payload: &[u8], limits: &SegmentLimits, object_key: &str) -> Result<Columns, SegmentError> {
    let failed = |reason: String| SegmentError::Columns {
        object_key: object_key.to_owned(),
        reason,
    };
    let (length, compressed) = payload.split_first_chunk::<4>().ok_or(SegmentError::Format {
        reason: "it is cut off",
    })?;
    let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
    if length > limits.max_columns_bytes {
        return Err(SegmentError::TooLarge {
            object_key: object_key.to_owned(),
            what: "the size of its columns",
            limit: limits.max_columns_bytes,
            found: length,
        });
    }
    if length > compressed.len().saturating_mul(MAX_LZ4_RATIO) {
        return Err(failed("the uncompressed length is impossible".to_owned()));
    }
    let mut encoded = vec![0; length];
    let written = lz4_flex::block::decompress_into(compressed, &mut encoded)
        .map_err(|error| failed(error.to_string()))?;
    if written != length {
        return Err(failed(format!("{written} bytes came out instead of {length}")));
    }
    match postcard::take_from_bytes(&encoded) {
        Ok((columns, [])) => {
            validate(&columns).map_err(|error| SegmentError::Invalid {
                object_key: object_key.to_owned(),
                source: error,
            })?;
            Ok(columns)
        }
        Ok((_, rest)) => Err(failed(format!("{} bytes are left over", rest.len()))),
        Err(error) => Err(failed(error.to_string())),
    }
}

fn check_agreement(header: &Header, columns: Option<&Columns>, object_key: &str) -> Result<(), SegmentError> {
    let disagreement = |what| {
        Err(SegmentError::Disagreement {
            object_key: object_key.to_owned(),
            what,
        })
    };
    if header.signal != columns.map(Columns::signal) {
        return disagreement("the signal");
    }
    if header.rows as usize != columns.map_or(0, Columns::rows) {
        return disagreement("the number of rows");
    }
    Ok(())
}

#[cfg(test)]
mod tests;

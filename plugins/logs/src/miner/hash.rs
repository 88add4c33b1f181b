//! The hash of words.

/// The hash of a word: eight bytes at a time. It is pinned, since ids of templates are made of it.
#[inline]
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    const FACTOR: u64 = 0xff51_afd7_ed55_8ccd;
    let mut state = (bytes.len() as u64).wrapping_mul(FACTOR);
    let (chunks, rest) = bytes.as_chunks::<8>();
    for chunk in chunks {
        state = (state ^ u64::from_le_bytes(*chunk)).wrapping_mul(FACTOR);
        state ^= state >> 32;
    }
    state = (state ^ little_endian(rest)).wrapping_mul(FACTOR);
    state ^= state >> 29;
    state.wrapping_mul(0xc4ce_b9fe_1a85_ec53) ^ state >> 32
}

/// Up to seven bytes as a number. Loads that overlap bring the same bytes to the same places, so that no loop is needed.
#[inline]
fn little_endian(bytes: &[u8]) -> u64 {
    let len = bytes.len();
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        return u64::from(first) | u64::from(last) << (8 * (len - 4));
    }
    let byte = |at: usize| bytes.get(at).map_or(0, |byte| u64::from(*byte) << (8 * at));
    byte(0) | byte(1) | byte(2)
}

#[cfg(test)]
mod tests {
    use super::{hash, little_endian};

    #[test]
    fn hashes_are_pinned() {
        let bytes = [0x81, 0x92, 0xa3, 0xb4, 0xc5, 0xd6, 0xe7];
        for len in 0..=7 {
            let by_byte = bytes[..len]
                .iter()
                .rev()
                .fold(0, |word, byte| word << 8 | u64::from(*byte));
            assert_eq!(little_endian(&bytes[..len]), by_byte, "{len}");
        }
        assert_eq!(hash(b"reconciler"), 4_708_170_776_173_788_947);
    }
}

//! Reading ahead in blocks: segments that lie behind each other are read together. A small one costs as much to fetch as
//! a chunk of many, most of all from a bucket.

use std::collections::VecDeque;

use bytes::Bytes;
use parking_lot::Mutex;

/// Fetched at once, in bytes: some hundred small segments or a few large ones. More would be fetched in vain where a
/// range is only sampled.
pub(super) const CHUNK_BYTES: u64 = 256 << 10;

/// Chunks kept, of all projects together: 8 MiB. As many may read at once without reading anything twice.
const CHUNKS: usize = 32;

/// What was fetched lately, newest last.
#[derive(Default)]
pub(super) struct Chunks(Mutex<VecDeque<Chunk>>);

struct Chunk {
    object: String,
    start: u64,
    bytes: Bytes,
}

impl Chunks {
    /// Bytes of an object, if they were fetched.
    pub(super) fn get(&self, object: &str, offset: u64, length: u64) -> Option<Bytes> {
        let chunks = self.0.lock();
        chunks
            .iter()
            .rev()
            .find_map(|chunk| chunk.get(object, offset, length))
    }

    /// Keeps what was fetched of an object.
    pub(super) fn keep(&self, object: &str, start: u64, bytes: Bytes) {
        let mut chunks = self.0.lock();
        if chunks.len() >= CHUNKS {
            chunks.pop_front();
        }
        chunks.push_back(Chunk {
            object: object.to_owned(),
            start,
            bytes,
        });
    }

    /// Forgets an object.
    pub(super) fn forget(&self, object: &str) {
        self.0.lock().retain(|chunk| chunk.object != object);
    }
}

impl Chunk {
    fn get(&self, object: &str, offset: u64, length: u64) -> Option<Bytes> {
        if self.object != object {
            return None;
        }
        let start = usize::try_from(offset.checked_sub(self.start)?).ok()?;
        let end = start.checked_add(usize::try_from(length).ok()?)?;
        (end <= self.bytes.len()).then(|| self.bytes.slice(start..end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_only_what_was_fetched_of_that_object() {
        let chunks = Chunks::default();
        chunks.keep("a", 100, Bytes::from_static(b"abcdef"));
        assert_eq!(chunks.get("a", 100, 6).as_deref(), Some(&b"abcdef"[..]));
        assert_eq!(chunks.get("a", 102, 3).as_deref(), Some(&b"cde"[..]));
        assert_eq!(chunks.get("a", 99, 2), None);
        assert_eq!(chunks.get("a", 104, 3), None);
        assert_eq!(chunks.get("a", u64::MAX, u64::MAX), None);
        assert_eq!(chunks.get("b", 100, 1), None);
        chunks.forget("a");
        assert_eq!(chunks.get("a", 100, 1), None);
    }

    #[test]
    fn forgets_the_oldest() {
        let chunks = Chunks::default();
        for start in 0..=CHUNKS as u64 {
            chunks.keep("a", start * 10, Bytes::from_static(b"x"));
        }
        assert_eq!(chunks.get("a", 0, 1), None);
        assert!(chunks.get("a", 10, 1).is_some());
    }
}

//! Remembers what texts came to: errors repeat, and so do operations.
//!
//! Only results that depend on the texts alone are kept here, so that whether one is found or made anew doesn't
//! matter. Nothing of it is in snapshots.

/// Places for results, in sets of [`WAYS`]. A power of two; some hundred operations and exceptions are many.
const SLOTS: usize = 512;

/// Places that a result may be at.
const WAYS: usize = 4;

/// Most bytes of texts kept. Arbitrary: some dozen long stack traces. Beyond, all are forgotten.
const MAX_BYTES: usize = 512 * 1024;

/// Longest texts of one result, together.
const MAX_ENTRY_BYTES: usize = 48 * 1024;

/// Results by `N` texts, within bounds.
#[derive(Debug)]
pub(crate) struct Memo<const N: usize, V> {
    /// Empty, or [`SLOTS`] of them.
    slots: Vec<Option<Entry<N, V>>>,
    bytes: usize,
    /// Which of a full set gives way next.
    turn: usize,
}

#[derive(Clone, Debug)]
struct Entry<const N: usize, V> {
    hash: u64,
    /// Where each text ends in `texts`.
    ends: [usize; N],
    texts: Vec<u8>,
    value: V,
}

impl<const N: usize, V> Default for Memo<N, V> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            bytes: 0,
            turn: 0,
        }
    }
}

impl<const N: usize, V: Clone> Memo<N, V> {
    /// The result of these texts, if it is known.
    pub(crate) fn get(&self, texts: &[&[u8]; N]) -> Option<V> {
        if self.slots.is_empty() || length(texts) > MAX_ENTRY_BYTES {
            return None;
        }
        let hash = hash(texts);
        let mut set = self.slots.iter().skip(set(hash)).take(WAYS).flatten();
        set.find(|entry| entry.hash == hash && entry.is(texts))
            .map(|entry| entry.value.clone())
    }

    /// Keeps the result of texts that [`Memo::get`] doesn't know.
    pub(crate) fn put(&mut self, texts: &[&[u8]; N], value: V) {
        let length = length(texts);
        if length > MAX_ENTRY_BYTES {
            return;
        }
        if self.bytes + length > MAX_BYTES {
            self.clear();
        }
        if self.slots.is_empty() {
            self.slots.resize(SLOTS, None);
        }
        let hash = hash(texts);
        let entry = Entry::new(hash, texts, length, value);
        let first = set(hash);
        let free = self.slots.iter().skip(first).take(WAYS).position(Option::is_none);
        let way = free.unwrap_or(self.turn % WAYS);
        if let Some(slot) = self.slots.get_mut(first + way) {
            if let Some(old) = slot.replace(entry) {
                self.bytes = self.bytes.saturating_sub(old.texts.len());
                self.turn += 1;
            }
            self.bytes += length;
        }
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.slots.clear();
        self.bytes = 0;
    }
}

impl<const N: usize, V> Entry<N, V> {
    fn new(hash: u64, texts: &[&[u8]; N], length: usize, value: V) -> Self {
        let mut joined = Vec::with_capacity(length);
        let ends = texts.map(|text| {
            joined.extend_from_slice(text);
            joined.len()
        });
        Self {
            hash,
            ends,
            texts: joined,
            value,
        }
    }

    fn is(&self, texts: &[&[u8]; N]) -> bool {
        let mut start = 0;
        self.ends.iter().zip(texts).all(|(end, text)| {
            let own = self.texts.get(start..*end).unwrap_or_default();
            start = *end;
            same(own, text)
        })
    }
}

fn length(texts: &[&[u8]]) -> usize {
    texts.iter().map(|text| text.len()).sum()
}

/// The first place of a hash's set.
fn set(hash: u64) -> usize {
    usize::try_from(hash % (SLOTS / WAYS) as u64).unwrap_or_default() * WAYS
}

/// Whether two texts are the same. Many bytes at a time: Wasm has no `memcmp`, and what stands in for it goes byte by
/// byte.
fn same(one: &[u8], other: &[u8]) -> bool {
    let ((blocks, rest), (other_blocks, other_rest)) = (one.as_chunks::<32>(), other.as_chunks::<32>());
    one.len() == other.len()
        && blocks
            .iter()
            .zip(other_blocks)
            .all(|(block, other)| are_same(block.as_chunks().0, other.as_chunks().0))
        && are_same(rest.as_chunks().0, other_rest.as_chunks().0)
        && end(one) == end(other)
}

fn are_same(words: &[[u8; 8]], others: &[[u8; 8]]) -> bool {
    let pairs = words.iter().zip(others);
    pairs.fold(0, |differences, (word, other)| {
        differences | (u64::from_le_bytes(*word) ^ u64::from_le_bytes(*other))
    }) == 0
}

/// The last eight bytes, or all of a shorter text: with its length and the whole words before, all that it is.
fn end(text: &[u8]) -> u64 {
    if let Some(last) = text.last_chunk() {
        return u64::from_le_bytes(*last);
    }
    let halves = text.first_chunk().zip(text.last_chunk());
    match halves {
        Some((first, last)) => {
            u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last))
        }
        None => text.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    }
}

/// A hash of texts and of where each ends. It needs no key: who makes texts collide only has them read anew.
fn hash(texts: &[&[u8]]) -> u64 {
    // Four lanes, as one multiplication waits for the one before it.
    let mut lanes = [
        0x9e37_79b9_7f4a_7c15,
        0xbf58_476d_1ce4_e5b9,
        0x94d0_49bb_1331_11eb,
        0xd6e8_feb8_6659_fd93_u64,
    ];
    for text in texts {
        let (blocks, rest) = text.as_chunks::<32>();
        for block in blocks {
            take(&mut lanes, block.as_chunks().0);
        }
        take(&mut lanes, rest.as_chunks().0);
        let [first, second, ..] = &mut lanes;
        *first = mixed(*first ^ end(text));
        *second = mixed(*second ^ text.len() as u64);
    }
    lanes
        .into_iter()
        .fold(0, |hash, lane| mixed(hash ^ lane ^ lane >> 32))
}

fn take(lanes: &mut [u64; 4], words: &[[u8; 8]]) {
    for (lane, word) in lanes.iter_mut().zip(words) {
        *lane = mixed(*lane ^ u64::from_le_bytes(*word));
    }
}

fn mixed(word: u64) -> u64 {
    let product = word.wrapping_mul(0xff51_afd7_ed55_8ccd);
    product ^ product >> 29
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_was_put_and_nothing_else() {
        let mut memo = Memo::<2, usize>::default();
        let long = "x".repeat(100);
        let pairs = [
            ("", ""),
            ("a", ""),
            ("", "a"),
            ("ab", "c"),
            ("a", "bc"),
            ("abc", ""),
            (long.as_str(), "y"),
            (&long[..99], "y"),
            (&long[..99], "xy"),
        ];
        let texts = pairs.map(|(one, other)| [one.as_bytes(), other.as_bytes()]);
        for (value, texts) in texts.iter().enumerate() {
            assert_eq!(memo.get(texts), None);
            memo.put(texts, value);
        }
        for (value, texts) in texts.iter().enumerate() {
            assert_eq!(memo.get(texts), Some(value), "{:?}", pairs[value]);
        }
        memo.clear();
        assert_eq!(memo.get(&texts[0]), None);
    }

    #[test]
    fn every_byte_counts() {
        let text = vec![b'x'; 131];
        for place in 0..text.len() {
            let mut other = text.clone();
            other[place] = b'y';
            assert!(!same(&text, &other), "{place}");
            assert_ne!(hash(&[&text]), hash(&[&other]), "{place}");
        }
        for length in 0..text.len() {
            let (short, mut other) = (&text[..length], text[..length].to_vec());
            assert!(same(short, &other) && !same(&text, short), "{length}");
            for place in 0..length {
                other[place] = b'y';
                assert!(!same(short, &other), "{length}, {place}");
                assert_ne!(hash(&[short]), hash(&[&other]), "{length}, {place}");
                other[place] = b'x';
            }
        }
    }

    #[test]
    fn is_bounded() {
        let mut memo = Memo::<1, u64>::default();
        for n in 0..20_000_u64 {
            let text = format!("{n}").repeat(usize::try_from(n % 97).unwrap() * 20 + 1);
            memo.put(&[text.as_bytes()], n);
            assert_eq!(memo.get(&[text.as_bytes()]), Some(n));
            assert!(memo.bytes <= MAX_BYTES && memo.slots.len() == SLOTS);
        }
        let kept = memo
            .slots
            .iter()
            .flatten()
            .map(|entry| entry.texts.len())
            .sum::<usize>();
        assert_eq!(memo.bytes, kept);
        let long = vec![b'x'; MAX_ENTRY_BYTES + 1];
        memo.put(&[&long], 1);
        assert_eq!(memo.get(&[&long]), None);
    }
}

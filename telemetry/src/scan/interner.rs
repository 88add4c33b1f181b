//! The string table's index: finds a text among those that are there already.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    str::Utf8Error,
};

use foldhash::{SharedSeed, fast::FoldHasher};
use hashbrown::{HashTable, hash_table::Entry};

use crate::columns::Strings;

/// Slots kept from one request to the next. A table that a huge request made larger is given back, as clearing it
/// would cost every later request.
const KEPT_SLOTS: usize = 16 * 1024;

/// Open addressing over indexes into [`Strings`]; the texts themselves are there only.
///
/// The hash is seeded, so that a sender who doesn't know the seed can't choose texts that collide. Indexes follow the
/// order of first appearance, so the seed never shows in the columns.
///
/// Telemetry repeats itself: the attributes of one span come in the order of the last one's, often with the same values.
/// So the interner remembers which key followed a key, and which text was a key's value, and compares with that before
/// it hashes. A guess is only ever compared, never trusted.
pub(crate) struct Interner {
    table: HashTable<u32>,
    seed: SharedSeed,
    start: u64,
    /// By string index.
    guesses: Vec<Guess>,
    last_key: u32,
}

/// What may come next; 0 where nothing is known.
#[derive(Clone, Copy, Default)]
struct Guess {
    next_key: u32,
    value: u32,
}

impl Interner {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            table: HashTable::new(),
            seed: SharedSeed::from_u64(seed),
            start: seed.rotate_left(32),
            guesses: Vec::new(),
            last_key: 0,
        }
    }

    /// Seeds from the randomness that std's own maps use.
    pub(crate) fn with_random_seed() -> Self {
        Self::new(RandomState::new().hash_one(0_u64))
    }

    /// Begins a request: nothing is known but string 0.
    pub(crate) fn begin(&mut self, strings: &mut Strings) {
        if self.table.capacity() > KEPT_SLOTS {
            self.table = HashTable::new();
        } else {
            self.table.clear();
        }
        self.guesses.clear();
        self.guesses.shrink_to(KEPT_SLOTS);
        self.last_key = 0;
        strings.ends.push(0);
    }

    /// As [`Interner::intern`], for the key of an attribute.
    #[inline(always)]
    pub(crate) fn intern_key(&mut self, strings: &mut Strings, text: &[u8]) -> Result<u32, Utf8Error> {
        if text.is_empty() {
            return Ok(0);
        }
        let guess = self.guess(self.last_key).next_key;
        if same(strings.bytes(guess), text) {
            self.last_key = guess;
            return Ok(guess);
        }
        let index = self.intern(strings, text)?;
        self.guess_mut(self.last_key).next_key = index;
        self.last_key = index;
        Ok(index)
    }

    /// As [`Interner::intern`], for the value of the attribute `key`.
    #[inline(always)]
    pub(crate) fn intern_value(
        &mut self,
        strings: &mut Strings,
        key: u32,
        text: &[u8],
    ) -> Result<u32, Utf8Error> {
        if text.is_empty() {
            return Ok(0);
        }
        let guess = self.guess(key).value;
        if same(strings.bytes(guess), text) {
            return Ok(guess);
        }
        let index = self.intern(strings, text)?;
        self.guess_mut(key).value = index;
        Ok(index)
    }

    #[inline]
    fn guess(&self, index: u32) -> Guess {
        self.guesses.get(index as usize).copied().unwrap_or_default()
    }

    #[inline]
    fn guess_mut(&mut self, index: u32) -> &mut Guess {
        let index = index as usize;
        if index >= self.guesses.len() {
            self.guesses.resize(index + 1, Guess::default());
        }
        &mut self.guesses[index]
    }

    /// The index of a text, which is checked to be UTF-8 and added if it is new.
    pub(crate) fn intern(&mut self, strings: &mut Strings, text: &[u8]) -> Result<u32, Utf8Error> {
        if text.is_empty() {
            return Ok(0);
        }
        let Self {
            table, seed, start, ..
        } = self;
        let hash = hash(*start, seed, text);
        let rehash = |index: &u32| hash_of(*start, seed, strings, *index);
        match table.entry(hash, |index| same(strings.bytes(*index), text), rehash) {
            Entry::Occupied(found) => Ok(*found.get()),
            Entry::Vacant(free) => {
                std::str::from_utf8(text)?;
                let index = row_index(strings.ends.len());
                free.insert(index);
                strings.utf8.extend_from_slice(text);
                strings.ends.push(row_index(strings.utf8.len()));
                Ok(index)
            }
        }
    }

    /// Forgets all strings from index `count` on.
    #[cold]
    pub(crate) fn truncate(&mut self, strings: &mut Strings, count: usize) {
        for index in row_index(count)..row_index(strings.ends.len()) {
            let hash = hash_of(self.start, &self.seed, strings, index);
            if let Ok(found) = self.table.find_entry(hash, |other| *other == index) {
                found.remove();
            }
        }
        strings.ends.truncate(count);
        strings
            .utf8
            .truncate(strings.ends.last().map_or(0, |end| *end as usize));
    }
}

/// Length of a table as the index of its next row.
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "a body has at most u32::MAX bytes, and every row of every table comes from one at least"
)]
pub(crate) fn row_index(length: usize) -> u32 {
    length as u32
}

/// Whether two texts are the same. Most are short, and for them a call of `memcmp` costs more than the comparison.
#[inline(always)]
fn same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    match one.len() {
        0..4 => one == other,
        4..8 => one.first_chunk::<4>() == other.first_chunk() && one.last_chunk::<4>() == other.last_chunk(),
        8..=16 => {
            one.first_chunk::<8>() == other.first_chunk() && one.last_chunk::<8>() == other.last_chunk()
        }
        17..=32 => {
            one.first_chunk::<16>() == other.first_chunk() && one.last_chunk::<16>() == other.last_chunk()
        }
        _ => one == other,
    }
}

#[inline]
fn hash(start: u64, seed: &SharedSeed, text: &[u8]) -> u64 {
    let mut hasher = FoldHasher::with_seed(start, seed);
    hasher.write(text);
    hasher.finish()
}

fn hash_of(start: u64, seed: &SharedSeed, strings: &Strings, index: u32) -> u64 {
    hash(start, seed, strings.bytes(index))
}

impl Strings {
    /// Bytes of string `index`; none for an index out of range.
    #[inline(always)]
    pub(crate) fn bytes(&self, index: u32) -> &[u8] {
        let index = index as usize;
        match self.ends.get(index.wrapping_sub(1)..=index) {
            Some([start, end]) => self.utf8.get(*start as usize..*end as usize).unwrap_or(&[]),
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_follow_first_appearance_whatever_the_seed() {
        for seed in [0, 1, u64::MAX] {
            let mut strings = Strings::default();
            let mut interner = Interner::new(seed);
            interner.begin(&mut strings);
            let texts = ["b", "a", "b", "", "long enough for the other hash function", "a"];
            let indexes: Vec<u32> = texts
                .iter()
                .map(|text| interner.intern(&mut strings, text.as_bytes()).unwrap())
                .collect();
            assert_eq!(indexes, [1, 2, 1, 0, 3, 2]);
            assert_eq!(strings.get(3), texts[4]);
        }
    }

    #[test]
    fn truncated_strings_can_be_added_again() {
        let mut strings = Strings::default();
        let mut interner = Interner::with_random_seed();
        interner.begin(&mut strings);
        for text in ["a", "b", "c"] {
            interner.intern(&mut strings, text.as_bytes()).unwrap();
        }
        interner.truncate(&mut strings, 2);
        assert_eq!(
            (strings.ends.as_slice(), strings.utf8.as_slice()),
            ([0, 1].as_slice(), b"a".as_slice())
        );
        assert_eq!(interner.intern(&mut strings, b"c").unwrap(), 2);
        assert_eq!(interner.intern(&mut strings, b"a").unwrap(), 1);
        assert_eq!(interner.intern(&mut strings, b"b").unwrap(), 3);
    }

    #[test]
    fn a_new_request_knows_nothing_of_the_last_one() {
        let mut interner = Interner::with_random_seed();
        for _ in 0..2 {
            let mut strings = Strings::default();
            interner.begin(&mut strings);
            for number in 0..20_000_u32 {
                assert_eq!(
                    interner
                        .intern(&mut strings, number.to_string().as_bytes())
                        .unwrap(),
                    number + 1
                );
            }
        }
        interner.begin(&mut Strings::default());
        assert_eq!(interner.table.capacity(), 0);
    }

    #[test]
    fn invalid_text_is_refused_and_not_kept() {
        let mut strings = Strings::default();
        let mut interner = Interner::with_random_seed();
        interner.begin(&mut strings);
        assert!(interner.intern(&mut strings, b"ok \xff").is_err());
        assert_eq!(strings.ends, [0]);
        assert_eq!(interner.intern(&mut strings, b"ok").unwrap(), 1);
    }
}

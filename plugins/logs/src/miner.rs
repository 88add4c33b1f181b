//! Mines templates from lines, one by one.
//!
//! A line is cut into tokens and hashed; a line whose tokens have been seen before is one look-up away from its
//! template. Only a line with new tokens is compared with templates, in `merge`. There is one configuration for all
//! formats: none.

mod hash;
mod merge;
pub(crate) mod template;
mod token;
mod values;
pub(crate) mod words;

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

use serde::{Deserialize, Serialize};

use self::hash::hash;
pub use self::template::Extra;
use self::template::{Template, decode, encode};
use self::token::{Kind, MAX_TOKENS, Token, Tokens, VARIABLE_HASH};
use self::values::Values;

/// Lines with other tokens that are remembered to be of a template: one for so many templates that are kept. With more,
/// the oldest are compared anew.
const TEMPLATES_FOR_AN_ALIAS: u32 = 4;

/// Templates of which it is remembered what they were merged into: one for so many that are kept.
const TEMPLATES_FOR_A_MERGED_ONE: u32 = 8;

/// The base of the hash of a sequence of tokens.
const BASE: u64 = 0x2545_f491_4f6c_dd1d;

/// Its powers: a token's share of the hash can be exchanged by itself.
const POWERS: [u64; MAX_TOKENS] = powers();

const fn powers() -> [u64; MAX_TOKENS] {
    let mut powers = [BASE; MAX_TOKENS];
    let mut at = 1;
    while at < MAX_TOKENS {
        powers[at] = powers[at - 1].wrapping_mul(BASE);
        at += 1;
    }
    powers
}

/// The keys are hashes already.
#[derive(Clone, Debug, Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = hash(bytes);
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number ^ number >> 32;
    }
}

type ByHash<V> = HashMap<u64, V, BuildHasherDefault<AsIs>>;

/// Mines templates from lines. `T` is what the caller keeps with each.
///
/// ```
/// let mut miner = aia_plugin_logs::Miner::<()>::new(100);
/// let first = miner.line(b"user 7 left after 3 s");
/// assert_eq!(miner.line(b"user 8 left after 120 ms"), first);
/// assert_eq!(miner.template(first).unwrap(), "user <*> left after <*>");
/// ```
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(
    bound(deserialize = "T: Deserialize<'de> + Extra", serialize = "T: Serialize"),
    from = "Kept<T>"
)]
pub struct Miner<T> {
    slots: Vec<Option<Template<T>>>,
    aliases: VecDeque<(u64, u32)>,
    merged: VecDeque<(u64, u64)>,
    limit: u32,
    lines: u64,
    /// How often something was learned: what a line was taken for holds until then.
    #[serde(skip)]
    learned: u64,
    #[serde(skip)]
    tokens: Tokens,
    /// Slots by the hash of their tokens, and by those of other lines that are of them.
    #[serde(skip)]
    index: ByHash<u32>,
    /// Templates by the hash of their tokens with one constant left out, which is at that position.
    #[serde(skip)]
    gaps: ByHash<Vec<(u32, u8)>>,
}

/// What a snapshot holds; the rest follows from it.
#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
struct Kept<T> {
    slots: Vec<Option<Template<T>>>,
    aliases: VecDeque<(u64, u32)>,
    merged: VecDeque<(u64, u64)>,
    limit: u32,
    lines: u64,
}

impl<T: Extra> From<Kept<T>> for Miner<T> {
    fn from(kept: Kept<T>) -> Self {
        let mut miner = Self {
            slots: kept.slots,
            aliases: kept.aliases,
            merged: kept.merged,
            limit: kept.limit.max(1),
            lines: kept.lines,
            ..Self::default()
        };
        for (hash, slot) in &miner.aliases {
            miner.index.insert(*hash, *slot);
        }
        for slot in 0..miner.slots.len() {
            miner.enter(slot);
        }
        miner
    }
}

/// Where a line belongs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Place {
    /// The template's slot, until the next line.
    pub(crate) slot: usize,
    /// Whether there was none for it.
    pub(crate) is_new: bool,
}

impl<T: Extra> Miner<T> {
    /// A miner that keeps at most so many templates.
    #[must_use]
    pub fn new(limit: u32) -> Self {
        Self {
            limit: limit.max(1),
            ..Self::default()
        }
    }

    /// Takes a line; gives the id of its template. Where templates turn out to be one later, [`Miner::resolve`] tells
    /// which one an id stands for.
    pub fn line(&mut self, line: &[u8]) -> u64 {
        let place = self.place(line);
        self.get(place.slot).map_or(0, |template| template.id)
    }

    /// Takes a line; gives the place of its template.
    #[inline]
    pub(crate) fn place(&mut self, line: &[u8]) -> Place {
        self.tokens.read(line);
        let hash = hash_of(self.tokens.as_slice());
        self.lines += 1;
        if let Some(&slot) = self.index.get(&hash) {
            let slot = slot as usize;
            if let Some(Some(template)) = self.slots.get_mut(slot) {
                template.count += 1;
                template.last = self.lines;
                template.values.see(line, self.tokens.as_slice());
                return Place { slot, is_new: false };
            }
        }
        self.learn(line, hash)
    }

    /// Takes a line once more that was of a template when `learned` was that of [`Miner::learned`].
    #[inline]
    pub(crate) fn again(&mut self, slot: usize, learned: u64) -> bool {
        if learned != self.learned {
            return false;
        }
        let Some(Some(template)) = self.slots.get_mut(slot) else {
            return false;
        };
        self.lines += 1;
        template.count += 1;
        template.last = self.lines;
        true
    }

    /// How often something was learned so far.
    pub(crate) fn learned(&self) -> u64 {
        self.learned
    }

    /// What an id stands for now: itself, or what its template was merged into.
    #[must_use]
    pub fn resolve(&self, id: u64) -> u64 {
        let mut resolved = id;
        // In the order in which it happened, so that one pass follows a chain.
        for (from, to) in &self.merged {
            if *from == resolved {
                resolved = *to;
            }
        }
        resolved
    }

    /// The text of a template, with `<*>` for variables.
    #[must_use]
    pub fn template(&self, id: u64) -> Option<String> {
        let id = self.resolve(id);
        let mut all = self.slots.iter().flatten();
        Some(all.find(|template| template.id == id)?.text())
    }

    /// Ids, texts and counts of all templates.
    #[must_use]
    pub fn templates(&self) -> Vec<(u64, String, u64)> {
        let all = self.slots.iter().flatten();
        all.map(|template| (template.id, template.text(), template.count))
            .collect()
    }

    /// How many templates there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.iter().flatten().count()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The hash of a text, as ids are made of it.
    pub(crate) fn hash(text: &[u8]) -> u64 {
        hash(text)
    }

    pub(crate) fn get(&self, slot: usize) -> Option<&Template<T>> {
        self.slots.get(slot)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, slot: usize) -> Option<&mut Template<T>> {
        self.slots.get_mut(slot)?.as_mut()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Template<T>> {
        self.slots.iter_mut().flatten()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Template<T>> {
        self.slots.iter().flatten()
    }

    /// Finds a line's template by comparing, or makes one.
    #[cold]
    fn learn(&mut self, line: &[u8], hash: u64) -> Place {
        self.learned += 1;
        let pieces = encode(line, self.tokens.as_slice());
        if let Some(slot) = self.find(&pieces, hash) {
            self.alias(hash, slot);
            if let Some(Some(template)) = self.slots.get_mut(slot) {
                template.count += 1;
                template.last = self.lines;
                template.values.see(line, self.tokens.as_slice());
            }
            return Place { slot, is_new: false };
        }
        self.make_room();
        let template = Template {
            id: Self::hash(&pieces),
            born: self.lines,
            last: self.lines,
            count: 1,
            loosened: 0,
            pieces,
            values: Values::of(line, self.tokens.as_slice()),
            extra: T::default(),
        };
        let free = self.slots.iter().position(Option::is_none);
        let slot = free.unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        self.slots[slot] = Some(template);
        self.enter(slot);
        let (slot, is_merged) = self.settle(slot);
        Place {
            slot,
            is_new: !is_merged,
        }
    }

    /// Remembers that lines of this hash are of that template.
    fn alias(&mut self, hash: u64, slot: usize) {
        if self.aliases.len() >= (self.limit / TEMPLATES_FOR_AN_ALIAS).max(1) as usize
            && let Some((oldest, _)) = self.aliases.pop_front()
        {
            self.index.remove(&oldest);
        }
        let slot = u32::try_from(slot).unwrap_or(u32::MAX);
        self.aliases.push_back((hash, slot));
        self.index.insert(hash, slot);
    }

    /// Gives up an eighth of the templates if there are too many: those that came seldom and long ago.
    fn make_room(&mut self) {
        let limit = self.limit as usize;
        if self.len() >= limit {
            self.make_room_for((limit / 8).max(1));
        }
    }

    /// Gives up so many templates.
    pub(crate) fn make_room_for(&mut self, count: usize) {
        let mut ages: Vec<(u64, usize)> = Vec::with_capacity(self.slots.len());
        for (slot, template) in self.slots.iter().enumerate() {
            if let Some(template) = template {
                let age = (self.lines - template.last.min(self.lines)) / template.count.clamp(1, 1 << 20);
                ages.push((age, slot));
            }
        }
        ages.sort_unstable_by_key(|(age, slot)| (std::cmp::Reverse(*age), *slot));
        ages.truncate(count);
        let mut slots: Vec<usize> = ages.into_iter().map(|(_, slot)| slot).collect();
        slots.sort_unstable();
        self.forget(&slots);
    }

    /// Gives templates up; `gone` is in order.
    pub(crate) fn forget(&mut self, gone: &[usize]) {
        self.learned += 1;
        for slot in gone {
            self.leave(*slot);
            if let Some(slot) = self.slots.get_mut(*slot) {
                *slot = None;
            }
        }
        let index = &mut self.index;
        self.aliases.retain(|(hash, slot)| {
            let is_gone = gone.binary_search(&(*slot as usize)).is_ok();
            if is_gone {
                index.remove(hash);
            }
            !is_gone
        });
    }

    /// Remembers that a template was merged into another.
    fn note_merged(&mut self, from: u64, to: u64) {
        if self.merged.len() >= (self.limit / TEMPLATES_FOR_A_MERGED_ONE).max(1) as usize {
            self.merged.pop_front();
        }
        self.merged.push_back((from, to));
    }
}

/// The hash of tokens.
#[inline]
fn hash_of(tokens: &[Token]) -> u64 {
    let shares = tokens.iter().zip(&POWERS);
    shares.fold(0, |sum, (token, power)| {
        sum.wrapping_add(token.hash.wrapping_mul(*power))
    })
}

/// The hash of a template's tokens.
fn hash_of_pieces(pieces: &[u8]) -> u64 {
    let shares = decode(pieces).zip(&POWERS);
    shares.fold(0, |sum, (piece, power)| {
        sum.wrapping_add(piece.hash().wrapping_mul(*power))
    })
}

/// The hash with a variable in place of the constant at a position.
fn hash_without(whole: u64, constant: u64, position: usize) -> u64 {
    let power = POWERS.get(position).copied().unwrap_or_default();
    whole.wrapping_add(VARIABLE_HASH.wrapping_sub(constant).wrapping_mul(power))
}

/// How many tokens are words.
fn words_of(pieces: &[u8]) -> usize {
    decode(pieces).filter(|piece| piece.kind == Kind::Word).count()
}

//! Which templates are one: those that differ in a single constant, if that shows enough values.
//!
//! Every template is entered under the hash of its tokens with one constant left out, for each constant that may be a
//! variable. Templates that differ in that one only meet there, whichever came first, so that merging costs a few
//! look-ups and doesn't compare all with all. What is entered follows from the templates alone, so that a restored miner
//! goes on as if it hadn't stopped.

use super::template::{Extra, decode, loosen};
use super::token::Kind;
use super::words::{announces, is_identifier, is_state};
use super::{Miner, hash_of_pieces, hash_without, words_of};

/// Values from which a position of plain words is a variable. States of a machine are fewer, names of people and things
/// are more.
const PLAIN_VALUES: usize = 7;

/// The same for identifiers, which are seldom the words of a statement.
const IDENTIFIER_VALUES: usize = 3;

/// The same behind a word that announces a name.
const ANNOUNCED_VALUES: usize = 2;

/// A constant of a template that may turn out to be a variable.
struct Gap {
    position: usize,
    /// Hash of the tokens without it.
    hash: u64,
    is_identifier: bool,
    is_announced: bool,
    /// Whether it may only be compared with identifiers: the first word says what a statement is about.
    is_first: bool,
}

/// The constants of a template that may be variables.
fn gaps(pieces: &[u8], whole: u64) -> Vec<Gap> {
    let words = words_of(pieces);
    let mut found = Vec::new();
    let mut before: &[u8] = &[];
    for (position, piece) in decode(pieces).enumerate() {
        let previous = std::mem::replace(&mut before, piece.text);
        if piece.kind != Kind::Word || is_state(piece.text) {
            continue;
        }
        let is_identifier = is_identifier(piece.text);
        let is_announced = announces(previous);
        if is_identifier && words > 1 || is_announced || position > 0 && words > 2 {
            found.push(Gap {
                position,
                hash: hash_without(whole, piece.hash(), position),
                is_identifier,
                is_announced,
                is_first: position == 0,
            });
        }
    }
    found
}

impl<T: Extra> Miner<T> {
    /// The template with a variable where these tokens have a constant.
    pub(super) fn find(&self, pieces: &[u8], hash: u64) -> Option<usize> {
        gaps(pieces, hash).iter().find_map(|gap| self.own(gap.hash))
    }

    /// The template with exactly these tokens.
    fn own(&self, hash: u64) -> Option<usize> {
        let slot = *self.index.get(&hash)? as usize;
        (hash_of_pieces(&self.get(slot)?.pieces) == hash).then_some(slot)
    }

    /// Enters a template.
    pub(super) fn enter(&mut self, slot: usize) {
        let Some(template) = self.get(slot) else { return };
        let hash = hash_of_pieces(&template.pieces);
        let gaps = gaps(&template.pieces, hash);
        let number = u32::try_from(slot).unwrap_or(u32::MAX);
        if self.index.insert(hash, number).is_some() {
            self.aliases.retain(|(alias, _)| *alias != hash);
        }
        for gap in gaps {
            let place = (number, u8::try_from(gap.position).unwrap_or(u8::MAX));
            let there = self.gaps.entry(gap.hash).or_default();
            if let Err(at) = there.binary_search(&place) {
                there.insert(at, place);
            }
        }
    }

    /// Takes a template's entries out.
    pub(super) fn leave(&mut self, slot: usize) {
        let Some(template) = self.get(slot) else { return };
        let hash = hash_of_pieces(&template.pieces);
        let gaps = gaps(&template.pieces, hash);
        let number = u32::try_from(slot).unwrap_or(u32::MAX);
        if self.index.get(&hash) == Some(&number) {
            self.index.remove(&hash);
        }
        for gap in gaps {
            if let Some(there) = self.gaps.get_mut(&gap.hash) {
                there.retain(|(other, _)| *other != number);
                if there.is_empty() {
                    self.gaps.remove(&gap.hash);
                }
            }
        }
    }

    /// Merges a new template with others as long as there are such; gives where it is then, and whether it is another's.
    pub(super) fn settle(&mut self, slot: usize) -> (usize, bool) {
        let (mut slot, mut is_merged) = (slot, false);
        // Each round makes a constant a variable, so that there are no more of them than tokens.
        for _ in 0..super::MAX_TOKENS {
            let Some((position, members)) = self.same(slot) else {
                break;
            };
            let is_old = |member: &usize| *member != slot;
            is_merged |= members.iter().any(is_old);
            slot = self.merge(&members, position).unwrap_or(slot);
        }
        (slot, is_merged)
    }

    /// Templates that are one with this, and where they differ.
    fn same(&self, slot: usize) -> Option<(usize, Vec<usize>)> {
        let pieces = &self.get(slot)?.pieces;
        let hash = hash_of_pieces(pieces);
        // Others have a constant where this has a variable.
        if let Some(there) = self.gaps.get(&hash) {
            let position = there.first()?.1;
            let of_position = there.iter().filter(|(_, other)| *other == position);
            let mut members: Vec<usize> = of_position.map(|(other, _)| *other as usize).collect();
            members.push(slot);
            return Some((usize::from(position), members));
        }
        gaps(pieces, hash).iter().find_map(|gap| {
            let there = self.gaps.get(&gap.hash)?;
            let position = u8::try_from(gap.position).ok()?;
            let mut members: Vec<usize> = there
                .iter()
                .filter(|(_, other)| *other == position)
                .map(|(other, _)| *other as usize)
                .collect();
            let identifiers: Vec<usize> = members
                .iter()
                .copied()
                .filter(|member| self.is_identifier_at(*member, gap.position))
                .collect();
            let is_enough = gap.is_announced && members.len() >= ANNOUNCED_VALUES
                || !gap.is_first && members.len() >= PLAIN_VALUES;
            if is_enough {
                return Some((gap.position, members));
            }
            if gap.is_identifier && identifiers.len() >= IDENTIFIER_VALUES + usize::from(gap.is_first) {
                members = identifiers;
                return Some((gap.position, members));
            }
            None
        })
    }

    fn is_identifier_at(&self, slot: usize, position: usize) -> bool {
        self.get(slot)
            .and_then(|template| decode(&template.pieces).nth(position))
            .is_some_and(|piece| is_identifier(piece.text))
    }

    /// Makes one template of several: the oldest keeps its id, with a variable at a position.
    fn merge(&mut self, members: &[usize], position: usize) -> Option<usize> {
        let oldest = members
            .iter()
            .copied()
            .min_by_key(|member| (self.get(*member).map(|template| template.born), *member))?;
        let mut hashes = Vec::new();
        for member in members {
            self.leave(*member);
            if let Some(template) = self.get(*member) {
                hashes.push(hash_of_pieces(&template.pieces));
            }
        }
        let mut target = self.slots.get_mut(oldest)?.take()?;
        target.pieces = loosen(&target.pieces, position);
        target.loosened = target.loosened.saturating_add(1);
        let number = u32::try_from(oldest).unwrap_or(u32::MAX);
        for member in members.iter().filter(|member| **member != oldest) {
            let Some(other) = self.slots.get_mut(*member).and_then(Option::take) else {
                continue;
            };
            target.count += other.count;
            target.last = target.last.max(other.last);
            target.extra.absorb(other.extra);
            target.values.absorb(&other.values);
            self.note_merged(other.id, target.id);
            let from = u32::try_from(*member).unwrap_or(u32::MAX);
            for (hash, slot) in self.aliases.iter_mut().filter(|(_, slot)| *slot == from) {
                *slot = number;
                self.index.insert(*hash, number);
            }
        }
        *self.slots.get_mut(oldest)? = Some(target);
        self.enter(oldest);
        let own = hash_of_pieces(&self.get(oldest)?.pieces);
        for hash in hashes.into_iter().filter(|hash| *hash != own) {
            self.alias(hash, oldest);
        }
        Some(oldest)
    }
}

//! Redaction: secrets are taken out of telemetry before it is sealed, so that they reach neither disk nor plugin nor model.
//!
//! It works on the string table, where each text of a request stands once, and on values of kind bytes. One search over the
//! whole table finds *anchors* (`anchors.rs`); a hit is looked at by the matcher of its rule, within its text. Only if
//! something was found are texts copied and the table rebuilt. Card numbers, which have no anchor, are found by their
//! digits (`card.rs`). Values of attributes go by their key, too, without touching other attributes of the same value.
//!
//! What remains is documented here rather than promised away: a secret of no known shape under an innocent name stays, and
//! so does one cut in two by the sender; numbers of kind int are only redacted by their key.

mod anchors;
mod attributes;
mod card;
mod email;
mod finder;
mod found;
mod marker;
mod named;
mod pem;
mod secret_names;
mod table;
mod tokens;
mod url;
mod visit;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use self::anchors::{Anchor, Hit};
use self::finder::Finder;
use self::table::{Changes, bytes_of};
use crate::columns::{Columns, Strings, pack_range, unpack_range, value_kind};

/// Longest attribute key that is compared with the names of secrets, in bytes. Longer ones are no names.
const MAX_KEY_BYTES: usize = 256;

/// What was redacted: how many places by rule, such as `password` or `payment-card`. A text that occurs many times in a
/// request counts once; an attribute that is redacted for its key counts each time.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Redactions {
    counts: BTreeMap<&'static str, u64>,
}

impl Redactions {
    /// The rules that found something, in order, with the number of places.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.counts.iter().map(|(rule, count)| (*rule, *count))
    }

    /// Number of places of all rules.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }

    /// Whether nothing was redacted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    fn count(&mut self, rule: &'static str) {
        *self.counts.entry(rule).or_default() += 1;
    }
}

/// What is redacted beyond the rules that always hold.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct RedactConfig {
    /// Also e-mail addresses. Off by default: they are what many operators look for.
    pub emails: bool,
    /// Further names whose values are secrets, as attribute keys and in `name=value` texts. Compared as the built-in ones:
    /// with the end of a name's last part, without regard to case, `-` and `_`. Each makes redaction slower: beyond the
    /// built-in rules texts are searched byte by byte.
    pub secret_names: Vec<String>,
}

/// Why a redactor can't be made.
#[derive(Debug, thiserror::Error)]
pub enum RedactError {
    /// A name that would match everything or nothing.
    #[error(
        "the secret name {name:?} must consist of letters, digits, '-' and '_', with at least three letters or digits"
    )]
    SecretName {
        /// The name.
        name: String,
    },
    /// The search can't be built: too many or too long names.
    #[error("the secret names can't be searched for")]
    Search(#[from] aho_corasick::BuildError),
}

/// Finds and replaces secrets. Made once, in a few milliseconds, and shared.
#[derive(Debug)]
pub struct Redactor {
    finder: Finder,
}

impl Redactor {
    /// Prepares the rules.
    ///
    /// # Errors
    /// If a secret name can't be used.
    pub fn new(config: &RedactConfig) -> Result<Self, RedactError> {
        Ok(Self {
            finder: Finder::new(config)?,
        })
    }

    /// Replaces every secret by `[redacted:<rule>]`, keeping what is around it, and says how many it found. Doing it again
    /// finds nothing more. Strings remain valid UTF-8, and each text still stands once in the table.
    pub fn redact(&self, columns: &mut Columns) -> Redactions {
        let mut redactions = Redactions::default();
        let mut changes = Changes::default();
        let Suspects { texts, keys } = self.suspects(&columns.common().strings);
        for index in texts {
            let text = bytes_of(&columns.common().strings, index as usize);
            if let Some(cleaned) = self.finder.clean(text, &mut |rule| redactions.count(rule)) {
                changes.replaced.insert(index, cleaned);
            }
        }
        if !keys.is_empty() {
            let keys: Vec<u32> = keys.into_iter().collect();
            attributes::redact(columns, &keys, &self.finder.names, &mut changes, &mut |rule| {
                redactions.count(rule);
            });
        }
        if !columns.common().bytes.is_empty() {
            self.redact_bytes(columns, &mut redactions);
        }
        if !changes.is_empty() {
            changes.apply(columns);
        }
        redactions
    }

    /// The strings that hold a secret, and those that are names of secrets.
    fn suspects(&self, strings: &Strings) -> Suspects {
        let mut suspects = Suspects::default();
        let mut cursor = Cursor::default();
        for hit in self.finder.anchors.hits(&strings.utf8) {
            let Some((index, start, end)) = cursor.string_at(&strings.ends, hit.start) else {
                continue;
            };
            // A hit can go over the end of one text into the next: that is none.
            if hit.end > end || suspects.texts.contains(&index) {
                continue;
            }
            let Some(text) = strings.utf8.get(start..end) else {
                continue;
            };
            let within = Hit {
                anchor: hit.anchor,
                start: hit.start - start,
                end: hit.end - start,
            };
            if matches!(hit.anchor, Anchor::Name)
                && text.len() <= MAX_KEY_BYTES
                && self.finder.names.rule(text).is_some()
            {
                suspects.keys.insert(index);
            }
            if self.finder.look(text, &within).is_some() {
                suspects.texts.insert(index);
            }
        }
        let mut start = 0;
        for (index, end) in (0..).zip(&strings.ends) {
            let end = *end as usize;
            if let Some(text) = strings.utf8.get(start..end)
                && card::is_any(text)
            {
                suspects.texts.insert(index);
            }
            start = end;
        }
        suspects
    }

    /// Cleans values of kind bytes. What is cleaned is written behind the others, and its place is zeroed.
    fn redact_bytes(&self, columns: &mut Columns, redactions: &mut Redactions) {
        let mut bytes = std::mem::take(&mut columns.common_mut().bytes);
        visit::for_each_value(columns, &mut |kind, data| {
            let (first, length) = unpack_range(*data);
            let range = first as usize..(first as usize).saturating_add(length as usize);
            let Some(value) = bytes.get(range.clone()).filter(|_| *kind == value_kind::BYTES) else {
                return;
            };
            let Some(cleaned) = self.finder.clean(value, &mut |rule| redactions.count(rule)) else {
                return;
            };
            let (Ok(first), Ok(length)) = (u32::try_from(bytes.len()), u32::try_from(cleaned.len())) else {
                return;
            };
            bytes.get_mut(range).unwrap_or_default().fill(0);
            bytes.extend_from_slice(&cleaned);
            *data = pack_range(first, length);
        });
        columns.common_mut().bytes = bytes;
    }
}

/// Strings to be looked at.
#[derive(Default)]
struct Suspects {
    /// Those that hold a secret.
    texts: BTreeSet<u32>,
    /// Those that are the name of one.
    keys: BTreeSet<u32>,
}

/// Finds the string that an offset belongs to; offsets mostly grow.
#[derive(Default)]
struct Cursor {
    index: usize,
}

impl Cursor {
    /// Index, start and end of the string at an offset.
    fn string_at(&mut self, ends: &[u32], offset: usize) -> Option<(u32, usize, usize)> {
        let rest = ends.get(self.index..).unwrap_or_default();
        let is_behind = |end: &u32| *end as usize <= offset;
        let start_of = |index: usize| {
            index
                .checked_sub(1)
                .and_then(|before| ends.get(before))
                .map_or(0, |end| *end as usize)
        };
        if start_of(self.index) > offset {
            self.index = ends.partition_point(is_behind);
        } else {
            self.index += rest.partition_point(is_behind);
        }
        let end = *ends.get(self.index)? as usize;
        Some((u32::try_from(self.index).ok()?, start_of(self.index), end))
    }
}

#[cfg(test)]
mod tests;

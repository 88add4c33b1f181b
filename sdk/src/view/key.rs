//! Keys of attributes: by name, or found once for a whole batch.

use super::common::{range, rows, text_bytes};
use super::text::Text;
use super::value::{Attributes, Value};
use crate::columns::{Common, Strings};

/// An attribute's key as this batch numbers it. Looking up attributes by it compares numbers instead of texts; get it
/// once per batch by `batch.key("http.route")`. It means nothing in another batch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Key(u32);

impl Key {
    /// The key of that name; one that no attribute has where the name isn't among the batch's texts.
    pub(super) fn find(common: &Common, name: &str) -> Self {
        let strings = &common.strings;
        let found = (1..rows(&strings.ends)).find(|&index| {
            let range = range(&strings.ends, index);
            range.len() == name.len() && text_bytes(strings, index) == name.as_bytes()
        });
        Self(found.unwrap_or(u32::MAX))
    }

    /// Whether the batch has the key at all. If not, no look-up by it finds anything.
    #[must_use]
    pub fn is_present(self) -> bool {
        self.0 != u32::MAX
    }

    /// Whether it is the text of this number.
    pub(super) fn is_number(self, index: u32) -> bool {
        self.is_present() && self.0 == index
    }
}

/// Several keys, found in one pass over a batch's texts, and looked up in one pass over a row's attributes: what a
/// detector that wants more than two or three of them uses. Get it once per batch by `batch.keys([..])`; it means
/// nothing in another one. Keys are asked for by their position among the names.
#[derive(Clone, Debug)]
pub struct Keys<const N: usize> {
    keys: [Key; N],
    /// Position of each key by the number of its text; `N` for texts that are none of them.
    places: Vec<u8>,
}

/// Stands for "none" among the rows that [`Keys::find`] finds.
const NO_ROW: u32 = u32::MAX;

impl<const N: usize> Keys<N> {
    /// A position is a byte, and one is left for "none".
    const FITS: () = assert!(N < 256, "at most 255 keys");

    /// Finds the keys of these names.
    pub(super) fn find_all(common: &Common, names: [&str; N]) -> Self {
        let () = Self::FITS;
        let mut keys = [Key(u32::MAX); N];
        find_names(&common.strings, &names, &mut keys);
        Self {
            keys,
            places: places(&keys),
        }
    }

    /// The key of the name at this position.
    #[must_use]
    pub fn key(&self, position: usize) -> Key {
        self.keys.get(position).copied().unwrap_or(Key(u32::MAX))
    }

    /// Looks all keys up in a row's attributes.
    #[inline]
    #[must_use]
    pub fn find<'a>(&self, attributes: Attributes<'a>) -> Found<'a, N> {
        // Filled in place: copying what was just written in pieces takes longer than finding it.
        let mut found = Found {
            attributes,
            rows: [NO_ROW; N],
        };
        find_rows(&self.places, attributes.keys(), &mut found.rows);
        found
    }
}

/// Finds the first text of each name. In Wasm a function of its own, as [`find_rows`].
#[cfg_attr(target_arch = "wasm32", inline(never))]
fn find_names(strings: &Strings, names: &[&str], keys: &mut [Key]) {
    // Most texts are values: a look at length and first byte, at both at once, tells nearly all of them from the names.
    let bit = |number: usize| 1_u64 << (number & 63);
    let lengths = names.iter().fold(0, |bits, name| bits | bit(name.len()));
    let firsts = names.iter().filter_map(|name| name.as_bytes().first());
    let firsts = firsts.fold(0, |bits, byte| bits | bit(usize::from(*byte)));
    let mut missing = names.len();
    let mut start = strings.ends.first().copied().unwrap_or_default() as usize;
    for (index, &end) in (1_u32..).zip(strings.ends.iter().skip(1)) {
        let (begin, end) = (start, end as usize);
        start = end;
        let Some(first) = strings.utf8.get(begin) else {
            continue;
        };
        let both = (lengths >> (end.wrapping_sub(begin) & 63)) & (firsts >> (first & 63));
        if both & 1 != 0 {
            let bytes = strings.utf8.get(begin..end).unwrap_or_default();
            missing -= name(bytes, index, names, keys);
            if missing == 0 {
                break;
            }
        }
    }
}

/// Makes a text the key of the names that it is and that have none; how many.
#[cold]
fn name(bytes: &[u8], index: u32, names: &[&str], keys: &mut [Key]) -> usize {
    let mut named = 0;
    for (key, name) in keys.iter_mut().zip(names) {
        if !key.is_present() && !name.is_empty() && name.as_bytes() == bytes {
            *key = Key(index);
            named += 1;
        }
    }
    named
}

/// Notes the first row of each key, counted from where `keys` begins.
///
/// In Wasm a function of its own: runtimes keep the values of a small function in registers, those of a large one on
/// the stack, and this loop runs for every attribute.
#[cfg_attr(target_arch = "wasm32", inline(never))]
#[cfg_attr(not(target_arch = "wasm32"), inline)]
fn find_rows<const N: usize>(places: &[u8], keys: &[u32], rows: &mut [u32; N]) {
    let mut row = 0_u32;
    let mut look = |key: u32| {
        if let Some(place) = places.get(key as usize)
            && let Some(found) = rows.get_mut(usize::from(*place))
            && *found == NO_ROW
        {
            *found = row;
        }
        row = row.wrapping_add(1);
    };
    // Four at a time: at the end of every round of a loop, Wasm looks whether its time is up.
    let (fours, rest) = keys.as_chunks();
    for [one, two, three, four] in fours {
        look(*one);
        look(*two);
        look(*three);
        look(*four);
    }
    for key in rest {
        look(*key);
    }
}

/// See [`Keys::places`]. No longer than the largest number of a key; keys are among the first texts of a batch.
fn places(keys: &[Key]) -> Vec<u8> {
    let none = u8::try_from(keys.len()).unwrap_or(u8::MAX);
    let mut places = Vec::new();
    for (position, key) in (0_u8..).zip(keys).filter(|(_, key)| key.is_present()) {
        let index = key.0 as usize;
        if places.len() <= index {
            places.resize(index + 1, none);
        }
        if let Some(place) = places.get_mut(index)
            && *place == none
        {
            *place = position;
        }
    }
    places
}

/// What [`Keys::find`] found in a row's attributes.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a, const N: usize> {
    attributes: Attributes<'a>,
    /// Where each key is among the attributes.
    rows: [u32; N],
}

impl<'a, const N: usize> Found<'a, N> {
    /// The value of the key at this position among the names.
    #[inline]
    #[must_use]
    pub fn get(&self, position: usize) -> Option<Value<'a>> {
        self.row(position).map(|row| self.attributes.value(row))
    }

    /// Whether there is a value of the key at this position.
    #[inline]
    #[must_use]
    pub fn has(&self, position: usize) -> bool {
        self.row(position).is_some()
    }

    /// The whole number of the key at this position, as [`Value::as_int`] reads it.
    #[inline]
    #[must_use]
    pub fn int(&self, position: usize) -> Option<i64> {
        let row = self.row(position)?;
        self.attributes
            .int_at(row)
            .or_else(|| self.attributes.value(row).as_int())
    }

    /// The text of the key at this position; nothing if it has none or isn't a string.
    #[inline]
    #[must_use]
    pub fn text(&self, position: usize) -> Option<Text<'a>> {
        self.row(position).and_then(|row| self.attributes.text_at(row))
    }

    #[inline]
    fn row(&self, position: usize) -> Option<u32> {
        let row = self.rows.get(position).copied().filter(|row| *row != NO_ROW);
        row.map(|row| self.attributes.start().wrapping_add(row))
    }
}

/// What attributes are looked up by: a name or a [`Key`].
pub trait AttributeKey: Copy {
    /// The first position in `keys` that is this key.
    #[doc(hidden)]
    fn position(self, common: &Common, keys: &[u32]) -> Option<usize>;
}

impl AttributeKey for Key {
    fn position(self, _: &Common, keys: &[u32]) -> Option<usize> {
        keys.iter().position(|&key| key == self.0)
    }
}

impl AttributeKey for &str {
    fn position(self, common: &Common, keys: &[u32]) -> Option<usize> {
        keys.iter()
            .position(|&key| text_bytes(&common.strings, key) == self.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{SpanBatchBuilder, TestSpan};
    use crate::view::Spans;
    use crate::{Text, Time, Value};

    #[test]
    fn several_keys_are_found_at_once() {
        let batch = SpanBatchBuilder::new(Time::from_secs(1))
            .span(
                TestSpan::new("http.route")
                    .attribute("a", 1)
                    .attribute("http.route", "/x")
                    .attribute("b", "http.method")
                    .attribute("http.route", "/y"),
            )
            .span(TestSpan::new("none"))
            .span(TestSpan::new("other").attribute("b", 2).attribute("a", "1"))
            .build();
        let spans = Spans::new(&batch);
        // One is missing, one is only a value, and one is asked for twice: the first position has it.
        let names = ["http.route", "missing", "http.method", "a", "b", "a", ""];
        let keys = spans.keys(names);
        for (position, name) in names.into_iter().enumerate() {
            assert_eq!(keys.key(position), spans.key(name), "{name}");
        }
        assert!(!keys.key(names.len()).is_present());
        for (row, span) in spans.spans().enumerate() {
            let found = keys.find(span.attributes());
            for (position, name) in names
                .into_iter()
                .enumerate()
                .filter(|(position, _)| *position != 5)
            {
                let expected = span.attribute(name);
                assert_eq!(
                    found.get(position).map(|value| value.to_string()),
                    expected.map(|value| value.to_string()),
                    "{name} in row {row}"
                );
                assert_eq!(found.has(position), expected.is_some(), "{name} in row {row}");
                assert_eq!(
                    found.int(position),
                    expected.and_then(Value::as_int),
                    "{name} in row {row}"
                );
                assert_eq!(
                    found.text(position).map(Text::as_str),
                    expected.and_then(Value::as_str),
                    "{name} in row {row}"
                );
            }
            assert!(found.get(5).is_none() && found.get(names.len()).is_none());
        }
    }
}

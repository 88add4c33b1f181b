//! Attributes and values.

use std::fmt;
use std::ops::Range;

use super::common::{at, text};
use super::key::AttributeKey;
use super::text::Text;
use crate::columns::{self, Common};

/// Deepest nesting that is written out; hosts refuse deeper values.
const MAX_DEPTH: usize = 32;

/// The kind of a string.
pub(super) const STRING: u8 = 1;

/// The kind of a whole number.
const INT: u8 = 3;

/// Key-value pairs.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'a> {
    common: &'a Common,
    columns: &'a columns::Attributes,
    start: u32,
    end: u32,
}

impl<'a> Attributes<'a> {
    pub(super) fn new(common: &'a Common, columns: &'a columns::Attributes, range: Range<u32>) -> Self {
        Self {
            common,
            columns,
            start: range.start,
            end: range.end,
        }
    }

    /// The value of a key, by name or [`Key`](super::Key).
    #[must_use]
    pub fn get(self, key: impl AttributeKey) -> Option<Value<'a>> {
        let keys = self.columns.key.get(self.start as usize..self.end as usize)?;
        let position = u32::try_from(key.position(self.common, keys)?).ok()?;
        Some(self.value(self.start.checked_add(position)?))
    }

    /// The text of a key; empty if there is none or it isn't a string.
    #[must_use]
    pub fn text(self, key: impl AttributeKey) -> &'a str {
        self.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    /// Names and values, in the order they were sent.
    pub fn iter(self) -> impl Iterator<Item = (&'a str, Value<'a>)> {
        let end = self
            .end
            .min(u32::try_from(self.columns.key.len()).unwrap_or(u32::MAX));
        (self.start..end).map(move |row| {
            (
                text(&self.common.strings, at(&self.columns.key, row)),
                self.value(row),
            )
        })
    }

    /// Each by itself, not yet read, in the order they were sent.
    pub fn each(self) -> impl Iterator<Item = Attribute<'a>> {
        let end = self
            .end
            .min(u32::try_from(self.columns.key.len()).unwrap_or(u32::MAX));
        (self.start..end).map(move |row| Attribute {
            attributes: self,
            row,
        })
    }

    /// How many there are.
    #[must_use]
    pub fn len(self) -> usize {
        self.end.saturating_sub(self.start) as usize
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The row of the first one in the columns.
    #[inline]
    pub(super) fn start(self) -> u32 {
        self.start
    }

    /// The keys, in the order they were sent.
    #[inline]
    pub(super) fn keys(self) -> &'a [u32] {
        let keys = self.columns.key.get(self.start as usize..self.end as usize);
        keys.unwrap_or_default()
    }

    /// The text of the value in a row of the columns, if it is a string.
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the number of a string is the lower half"
    )]
    pub(super) fn text_at(self, row: u32) -> Option<Text<'a>> {
        (at(&self.columns.kind, row) == STRING)
            .then(|| Text::new(&self.common.strings, at(&self.columns.data, row) as u32))
    }

    /// The whole number in a row of the columns, if it is one.
    #[inline]
    pub(super) fn int_at(self, row: u32) -> Option<i64> {
        (at(&self.columns.kind, row) == INT).then(|| at(&self.columns.data, row).cast_signed())
    }

    pub(super) fn value(self, row: u32) -> Value<'a> {
        Value::new(
            self.common,
            at(&self.columns.kind, row),
            at(&self.columns.data, row),
        )
    }
}

/// A key with its value.
#[derive(Clone, Copy, Debug)]
pub struct Attribute<'a> {
    attributes: Attributes<'a>,
    row: u32,
}

impl<'a> Attribute<'a> {
    /// The key.
    #[inline]
    #[must_use]
    pub fn key(self) -> Text<'a> {
        let Attributes { common, columns, .. } = self.attributes;
        Text::new(&common.strings, at(&columns.key, self.row))
    }

    /// The value's text, if it is one.
    #[inline]
    #[must_use]
    pub fn text(self) -> Option<Text<'a>> {
        self.attributes.text_at(self.row)
    }

    /// The value.
    #[must_use]
    pub fn value(self) -> Value<'a> {
        self.attributes.value(self.row)
    }
}

/// The elements of an array.
#[derive(Clone, Copy, Debug)]
pub struct List<'a>(Attributes<'a>);

impl<'a> List<'a> {
    /// The elements.
    pub fn iter(self) -> impl Iterator<Item = Value<'a>> {
        self.0.iter().map(|(_, value)| value)
    }

    /// How many there are.
    #[must_use]
    pub fn len(self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

/// A value of any of OTLP's kinds. Its `Display` is text for people: strings as they are, the rest like JSON.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// No value.
    Empty,
    /// Text.
    Str(&'a str),
    /// Truth.
    Bool(bool),
    /// Whole number.
    Int(i64),
    /// Number.
    Double(f64),
    /// Values.
    Array(List<'a>),
    /// Key-value pairs.
    Map(Attributes<'a>),
    /// Bytes.
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a packed range is two halves of 32 bits"
    )]
    pub(super) fn new(common: &'a Common, kind: u8, data: u64) -> Self {
        let (first, count) = (data as u32, (data >> 32) as u32);
        let nested = || Attributes::new(common, &common.nested, first..first.saturating_add(count));
        match kind {
            STRING => Self::Str(text(&common.strings, first)),
            2 => Self::Bool(data != 0),
            INT => Self::Int(data.cast_signed()),
            4 => Self::Double(f64::from_bits(data)),
            5 => Self::Array(List(nested())),
            6 => Self::Map(nested()),
            7 => {
                let (first, count) = (first as usize, count as usize);
                Self::Bytes(
                    common
                        .bytes
                        .get(first..first.saturating_add(count))
                        .unwrap_or_default(),
                )
            }
            _ => Self::Empty,
        }
    }

    /// The text of a string.
    #[must_use]
    pub fn as_str(self) -> Option<&'a str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    /// A whole number; also one sent as text or as a double without fraction, which some SDKs do.
    #[must_use]
    pub fn as_int(self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(number),
            Self::Str(text) => text.parse().ok(),
            #[expect(
                clippy::cast_possible_truncation,
                reason = "it has no fraction, and the cast saturates"
            )]
            Self::Double(number) if number.fract() == 0.0 => Some(number as i64),
            _ => None,
        }
    }

    /// Any number as a double.
    #[must_use]
    pub fn as_f64(self) -> Option<f64> {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "that is what is asked for")]
            Self::Int(number) => Some(number as f64),
            Self::Double(number) => Some(number),
            _ => None,
        }
    }

    /// Truth.
    #[must_use]
    pub fn as_bool(self) -> Option<bool> {
        match self {
            Self::Bool(truth) => Some(truth),
            _ => None,
        }
    }

    fn write(self, formatter: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        if depth > MAX_DEPTH {
            return formatter.write_str("…");
        }
        match self {
            Self::Empty => Ok(()),
            Self::Str(text) if depth == 0 => formatter.write_str(text),
            Self::Str(text) => write!(formatter, "{text:?}"),
            Self::Bool(truth) => write!(formatter, "{truth}"),
            Self::Int(number) => write!(formatter, "{number}"),
            Self::Double(number) => write!(formatter, "{number}"),
            Self::Array(list) => {
                formatter.write_str("[")?;
                for (position, value) in list.iter().enumerate() {
                    formatter.write_str(if position == 0 { "" } else { ", " })?;
                    value.write(formatter, depth + 1)?;
                }
                formatter.write_str("]")
            }
            Self::Map(attributes) => {
                formatter.write_str("{")?;
                for (position, (key, value)) in attributes.iter().enumerate() {
                    write!(formatter, "{}{key:?}: ", if position == 0 { "" } else { ", " })?;
                    value.write(formatter, depth + 1)?;
                }
                formatter.write_str("}")
            }
            Self::Bytes(bytes) => bytes.iter().try_for_each(|byte| write!(formatter, "{byte:02x}")),
        }
    }
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(formatter, 0)
    }
}

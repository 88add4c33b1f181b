//! The shape that nearly every attribute has: a key and one scalar, both short, each once and in order. It is matched in
//! one go; everything else goes the long way.

use crate::{
    columns::value_kind,
    scan::sink::{Item, Sink},
};

const KEY: u8 = 0x0a;
const VALUE: u8 = 0x12;
const STRING_VALUE: u8 = 0x0a;
const BOOL_VALUE: u8 = 0x10;
const INT_VALUE: u8 = 0x18;
const DOUBLE_VALUE: u8 = 0x21;

/// Reads a `KeyValue` if it has that shape. If it hasn't, or has an error in it, nothing was done.
#[inline(always)]
pub(super) fn key_value(sink: &mut Sink, content: &[u8]) -> Option<Item> {
    let (key, rest) = short(content, KEY)?;
    let (value, []) = short(rest, VALUE)? else {
        return None;
    };
    let (kind, data) = match value {
        [STRING_VALUE, ..] => {
            let (text, []) = short(value, STRING_VALUE)? else {
                return None;
            };
            let key = sink.key(key).ok()?;
            let index = sink.value_text(key, text).ok()?;
            return Some(Item {
                key,
                kind: value_kind::STRING,
                data: index.into(),
            });
        }
        [INT_VALUE, int @ ..0x80] => (value_kind::INT, u64::from(*int)),
        [INT_VALUE, low @ 0x80..=0xff, high @ ..0x80] => {
            (value_kind::INT, u64::from(*low & 0x7f) | u64::from(*high) << 7)
        }
        [BOOL_VALUE, bool @ ..0x80] => (value_kind::BOOL, u64::from(*bool != 0)),
        [DOUBLE_VALUE, bits @ ..] => (value_kind::DOUBLE, u64::from_le_bytes(bits.try_into().ok()?)),
        _ => return None,
    };
    Some(Item {
        key: sink.key(key).ok()?,
        kind,
        data,
    })
}

/// Splits off a field of the given tag whose length is a single byte.
#[inline]
fn short(message: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    match message {
        [first, length @ ..0x80, rest @ ..] if *first == tag => rest.split_at_checked(usize::from(*length)),
        _ => None,
    }
}

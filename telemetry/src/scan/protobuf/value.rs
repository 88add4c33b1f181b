//! `AnyValue`, `KeyValue`, `Resource` and `InstrumentationScope`.

use super::{
    cursor::{Cursor, MessageType, fixed64, length, varint},
    plain,
};
use crate::{
    columns::value_kind,
    scan::{
        error::ScanError,
        sink::{Item, OpenValue, ResourceRow, ScopeRow, Sink},
    },
};

const KEY_VALUE: MessageType = MessageType::new("KeyValue", &[1, 2]);
const KEY: u32 = length(1);
const VALUE: u32 = length(2);

const ANY_VALUE: MessageType = MessageType::new("AnyValue", &[1, 2, 3, 4, 5, 6, 7]);
const STRING_VALUE: u32 = length(1);
const BOOL_VALUE: u32 = varint(2);
const INT_VALUE: u32 = varint(3);
const DOUBLE_VALUE: u32 = fixed64(4);
const ARRAY_VALUE: u32 = length(5);
const KVLIST_VALUE: u32 = length(6);
const BYTES_VALUE: u32 = length(7);

const ARRAY: MessageType = MessageType::new("ArrayValue", &[1]);
const LIST: MessageType = MessageType::new("KeyValueList", &[1]);
const VALUES: u32 = length(1);

const RESOURCE: MessageType = MessageType::new("Resource", &[1, 2]);
const RESOURCE_ATTRIBUTES: u32 = length(1);
const RESOURCE_DROPPED_ATTRIBUTES: u32 = varint(2);

const SCOPE: MessageType = MessageType::new("InstrumentationScope", &[1, 2, 3, 4]);
const SCOPE_NAME: u32 = length(1);
const SCOPE_VERSION: u32 = length(2);
const SCOPE_ATTRIBUTES: u32 = length(3);
const SCOPE_DROPPED_ATTRIBUTES: u32 = varint(4);

/// Reads a text field.
#[inline]
pub(super) fn text(
    sink: &mut Sink,
    cursor: &mut Cursor<'_>,
    reading: &'static str,
) -> Result<u32, ScanError> {
    let text = cursor.bytes(reading)?;
    sink.text(text).map_err(|error| {
        let offset = cursor.offset() - text.len() + error.valid_up_to();
        ScanError::Utf8 { offset, reading }
    })
}

/// Reads a field that is a `KeyValue`.
#[inline(always)]
pub(super) fn key_value(
    sink: &mut Sink,
    cursor: &mut Cursor<'_>,
    reading: &'static str,
) -> Result<Item, ScanError> {
    let content = cursor.message(reading)?;
    match plain::key_value(sink, content.rest()) {
        Some(item) => Ok(item),
        None => key_value_at(sink, content, 0),
    }
}

#[inline(never)]
fn key_value_at(sink: &mut Sink, mut cursor: Cursor<'_>, depth: usize) -> Result<Item, ScanError> {
    let mut key = 0;
    let mut value = sink.open_value(depth);
    while let Some(tag) = cursor.tag(&KEY_VALUE)? {
        match tag {
            KEY => key = text(sink, &mut cursor, "KeyValue.key")?,
            VALUE => any_value(sink, cursor.message("KeyValue.value")?, &mut value)?,
            _ => cursor.skip(tag, &KEY_VALUE)?,
        }
    }
    Ok(sink.close_value(value, key))
}

/// Reads an `AnyValue`, or one more part of it, into `value`.
#[inline]
pub(super) fn any_value(
    sink: &mut Sink,
    mut cursor: Cursor<'_>,
    value: &mut OpenValue,
) -> Result<(), ScanError> {
    while let Some(tag) = cursor.tag(&ANY_VALUE)? {
        match tag {
            STRING_VALUE => {
                let index = text(sink, &mut cursor, "AnyValue.string_value")?;
                sink.set(value, value_kind::STRING, index.into());
            }
            BOOL_VALUE => {
                let bool = cursor.varint("AnyValue.bool_value")? != 0;
                sink.set(value, value_kind::BOOL, bool.into());
            }
            INT_VALUE => {
                let int = cursor.varint("AnyValue.int_value")?;
                sink.set(value, value_kind::INT, int);
            }
            DOUBLE_VALUE => {
                let bits = cursor.fixed64("AnyValue.double_value")?;
                sink.set(value, value_kind::DOUBLE, bits);
            }
            ARRAY_VALUE => array(sink, cursor.message("AnyValue.array_value")?, value)?,
            KVLIST_VALUE => list(sink, cursor.message("AnyValue.kvlist_value")?, value)?,
            BYTES_VALUE => {
                let bytes = cursor.bytes("AnyValue.bytes_value")?;
                sink.set_bytes(value, bytes);
            }
            _ => cursor.skip(tag, &ANY_VALUE)?,
        }
    }
    Ok(())
}

#[inline(never)]
fn array(sink: &mut Sink, mut cursor: Cursor<'_>, value: &mut OpenValue) -> Result<(), ScanError> {
    let offset = cursor.offset();
    sink.open_container(value, value_kind::ARRAY)
        .map_err(|breach| breach.at(offset, "AnyValue.array_value"))?;
    while let Some(tag) = cursor.tag(&ARRAY)? {
        match tag {
            VALUES => {
                let mut element = sink.open_value(value.depth() + 1);
                any_value(sink, cursor.message("ArrayValue.values")?, &mut element)?;
                let item = sink.close_value(element, 0);
                sink.push_item(item);
            }
            _ => cursor.skip(tag, &ARRAY)?,
        }
    }
    Ok(())
}

#[inline(never)]
fn list(sink: &mut Sink, mut cursor: Cursor<'_>, value: &mut OpenValue) -> Result<(), ScanError> {
    let offset = cursor.offset();
    sink.open_container(value, value_kind::KEY_VALUES)
        .map_err(|breach| breach.at(offset, "AnyValue.kvlist_value"))?;
    while let Some(tag) = cursor.tag(&LIST)? {
        match tag {
            VALUES => {
                let item = key_value_at(sink, cursor.message("KeyValueList.values")?, value.depth() + 1)?;
                sink.push_item(item);
            }
            _ => cursor.skip(tag, &LIST)?,
        }
    }
    Ok(())
}

/// Reads a `Resource`, or one more part of it, into `row`.
pub(super) fn resource(
    sink: &mut Sink,
    mut cursor: Cursor<'_>,
    row: &mut ResourceRow,
) -> Result<(), ScanError> {
    while let Some(tag) = cursor.tag(&RESOURCE)? {
        match tag {
            RESOURCE_ATTRIBUTES => {
                let item = key_value(sink, &mut cursor, "Resource.attributes")?;
                sink.common.resources.attributes.push(item);
            }
            RESOURCE_DROPPED_ATTRIBUTES => {
                row.dropped_attributes = cursor.varint32("Resource.dropped_attributes_count")?;
            }
            _ => cursor.skip(tag, &RESOURCE)?,
        }
    }
    Ok(())
}

/// Reads an `InstrumentationScope`, or one more part of it, into `row`.
pub(super) fn scope(sink: &mut Sink, mut cursor: Cursor<'_>, row: &mut ScopeRow) -> Result<(), ScanError> {
    while let Some(tag) = cursor.tag(&SCOPE)? {
        match tag {
            SCOPE_NAME => row.name = text(sink, &mut cursor, "InstrumentationScope.name")?,
            SCOPE_VERSION => row.version = text(sink, &mut cursor, "InstrumentationScope.version")?,
            SCOPE_ATTRIBUTES => {
                let item = key_value(sink, &mut cursor, "InstrumentationScope.attributes")?;
                sink.common.scopes.attributes.push(item);
            }
            SCOPE_DROPPED_ATTRIBUTES => {
                row.dropped_attributes = cursor.varint32("InstrumentationScope.dropped_attributes_count")?;
            }
            _ => cursor.skip(tag, &SCOPE)?,
        }
    }
    Ok(())
}

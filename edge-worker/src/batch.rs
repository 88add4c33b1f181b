//! A batch as the transpiled plugins take it: an object of objects of typed arrays, made once for all plugins. Its columns
//! cross as one copy; the arrays are views of that.

use std::cell::RefCell;
use std::collections::BTreeMap;

use aia_edge::Place;
use aia_telemetry::{Column, Columns, SignalType};
use worker::js_sys::{BigInt, BigUint64Array, Object, Reflect, Uint8Array, Uint32Array};
use worker::wasm_bindgen::JsValue;

pub(crate) struct JsBatch {
    pub(crate) object: Object,
    pub(crate) signal: SignalType,
    common: JsValue,
}

thread_local! {
    /// Names of columns as JavaScript has them.
    static NAMES: RefCell<BTreeMap<&'static str, JsValue>> = const { RefCell::new(BTreeMap::new()) };
}

/// `trace_id_high` as `traceIdHigh`.
fn name(field: &'static str) -> JsValue {
    NAMES.with_borrow_mut(|names| {
        let name = names.entry(field).or_insert_with(|| {
            let mut camel = String::with_capacity(field.len());
            let mut starts_word = false;
            for character in field.chars() {
                if character == '_' {
                    starts_word = true;
                } else {
                    camel.push(if starts_word {
                        character.to_ascii_uppercase()
                    } else {
                        character
                    });
                    starts_word = false;
                }
            }
            JsValue::from(camel)
        });
        name.clone()
    })
}

/// Sets a field of an object of ours, which can't be refused.
fn set(object: &JsValue, field: &'static str, value: &JsValue) {
    let _ = Reflect::set(object, &name(field), value);
}

impl JsBatch {
    pub(crate) fn new(columns: &Columns) -> Self {
        let mut bytes = Vec::new();
        let mut placed: Vec<(Vec<&'static str>, Column<'_>, u32)> = Vec::new();
        columns.visit(&mut |path, column| {
            // A view begins at a multiple of its items' width.
            bytes.resize(usize::next_multiple_of(bytes.len(), 8), 0);
            let offset = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            bytes.extend_from_slice(column.bytes());
            placed.push((path.to_vec(), column, offset));
        });
        let buffer = Uint8Array::from(bytes.as_slice()).buffer();
        let object = Object::new();
        let mut objects: BTreeMap<Vec<&'static str>, JsValue> = BTreeMap::new();
        objects.insert(Vec::new(), JsValue::from(object.clone()));
        for (mut path, column, offset) in placed {
            let length = u32::try_from(column.bytes().len() / column.width()).unwrap_or(u32::MAX);
            let view: JsValue = match column {
                Column::U8(_) => Uint8Array::new_with_byte_offset_and_length(&buffer, offset, length).into(),
                Column::U32(_) => {
                    Uint32Array::new_with_byte_offset_and_length(&buffer, offset, length).into()
                }
                Column::U64(_) => {
                    BigUint64Array::new_with_byte_offset_and_length(&buffer, offset, length).into()
                }
            };
            let Some(field) = path.pop() else { continue };
            set(&parent(&mut objects, &path), field, &view);
        }
        let common = parent(&mut objects, &["common"]);
        Self {
            object,
            signal: columns.signal(),
            common,
        }
    }

    /// Says where it belongs: the same segment has another ordinal in each session.
    pub(crate) fn place(&self, place: Place) {
        set(
            &self.common,
            "received_at",
            &BigInt::from(place.received_at).into(),
        );
        set(&self.common, "segment", &BigInt::from(place.segment).into());
        set(&self.common, "first_row", &JsValue::from(place.first_row));
    }
}

/// The object at that path, made with those above it if it isn't there yet.
fn parent(objects: &mut BTreeMap<Vec<&'static str>, JsValue>, path: &[&'static str]) -> JsValue {
    if let Some(object) = objects.get(path) {
        return object.clone();
    }
    let Some((field, above)) = path.split_last() else {
        return JsValue::UNDEFINED;
    };
    let above = parent(objects, above);
    let object = JsValue::from(Object::new());
    set(&above, field, &object);
    objects.insert(path.to_vec(), object.clone());
    object
}

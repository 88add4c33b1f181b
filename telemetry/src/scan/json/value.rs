//! `AnyValue`, `KeyValue`, `Resource` and `InstrumentationScope`.

use serde::de::MapAccess;

use super::{
    message::{Element, List, Message, Object, skip},
    scalar,
};
use crate::{
    columns::value_kind,
    scan::{
        error::Breach,
        sink::{Item, OpenValue, ResourceRow, ScopeRow, SignalSink},
    },
};

/// `AnyValue`.
pub(super) struct Value(pub(super) OpenValue);

impl<C: SignalSink> Message<C> for Value {
    const NAME: &'static str = "AnyValue";

    fn field<'de, A: MapAccess<'de>>(
        &mut self,
        scan: &mut C,
        key: &str,
        map: &mut A,
    ) -> Result<(), A::Error> {
        let Self(value) = self;
        match key {
            "stringValue" => {
                if let Some(text) = scalar::optional_text(scan, map)? {
                    scan.sink().set(value, value_kind::STRING, text.into());
                }
            }
            "boolValue" => {
                if let Some(bool) = map.next_value::<Option<bool>>()? {
                    scan.sink().set(value, value_kind::BOOL, bool.into());
                }
            }
            "intValue" => {
                if let Some(int) = scalar::optional_integer::<i64, A>(map)? {
                    scan.sink().set(value, value_kind::INT, int.cast_unsigned());
                }
            }
            "doubleValue" => {
                if let Some(bits) = scalar::optional_double(map)? {
                    scan.sink().set(value, value_kind::DOUBLE, bits);
                }
            }
            "arrayValue" => map.next_value_seed(Object {
                message: &mut Container::array(value),
                scan,
            })?,
            "kvlistValue" => map.next_value_seed(Object {
                message: &mut Container::list(value),
                scan,
            })?,
            "bytesValue" => scalar::bytes(scan, value, map)?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

/// An element of an array.
struct ArrayElement(Value);

impl<C: SignalSink> Message<C> for ArrayElement {
    const NAME: &'static str = "AnyValue";

    fn field<'de, A: MapAccess<'de>>(
        &mut self,
        scan: &mut C,
        key: &str,
        map: &mut A,
    ) -> Result<(), A::Error> {
        self.0.field(scan, key, map)
    }
}

impl<C: SignalSink> Element<C> for ArrayElement {
    fn end(self, scan: &mut C) -> Result<(), Breach> {
        let sink = scan.sink();
        let item = sink.close_value(self.0.0, 0);
        sink.push_item(item);
        Ok(())
    }
}

/// `ArrayValue` or `KeyValueList`.
struct Container<'x> {
    value: &'x mut OpenValue,
    kind: u8,
}

impl<'x> Container<'x> {
    fn array(value: &'x mut OpenValue) -> Self {
        Self {
            value,
            kind: value_kind::ARRAY,
        }
    }

    fn list(value: &'x mut OpenValue) -> Self {
        Self {
            value,
            kind: value_kind::KEY_VALUES,
        }
    }
}

impl<C: SignalSink> Message<C> for Container<'_> {
    const NAME: &'static str = "AnyValue";

    /// An object is there, so it is set even if it has no values.
    fn begin(&mut self, scan: &mut C) -> Result<(), Breach> {
        scan.sink().open_container(self.value, self.kind)
    }

    fn field<'de, A: MapAccess<'de>>(
        &mut self,
        scan: &mut C,
        key: &str,
        map: &mut A,
    ) -> Result<(), A::Error> {
        let depth = self.value.depth() + 1;
        match key {
            "values" if self.kind == value_kind::ARRAY => {
                let begin = |scan: &mut C| ArrayElement(Value(scan.sink().open_value(depth)));
                map.next_value_seed(List { scan, begin })
            }
            "values" => {
                let put = |scan: &mut C, item| scan.sink().push_item(item);
                map.next_value_seed(List {
                    scan,
                    begin: |scan: &mut C| KeyValue::new(scan, depth, put),
                })
            }
            _ => skip(map),
        }
    }
}

/// `KeyValue`.
struct KeyValue<C> {
    key: u32,
    value: Value,
    /// Where it goes.
    put: fn(&mut C, Item),
}

impl<C: SignalSink> KeyValue<C> {
    fn new(scan: &mut C, depth: usize, put: fn(&mut C, Item)) -> Self {
        Self {
            key: 0,
            value: Value(scan.sink().open_value(depth)),
            put,
        }
    }
}

impl<C: SignalSink> Message<C> for KeyValue<C> {
    const NAME: &'static str = "KeyValue";

    fn field<'de, A: MapAccess<'de>>(
        &mut self,
        scan: &mut C,
        key: &str,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match key {
            "key" => self.key = scalar::text(scan, map)?,
            "value" => map.next_value_seed(Object {
                message: &mut self.value,
                scan,
            })?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<C: SignalSink> Element<C> for KeyValue<C> {
    fn end(self, scan: &mut C) -> Result<(), Breach> {
        let item = scan.sink().close_value(self.value.0, self.key);
        (self.put)(scan, item);
        Ok(())
    }
}

/// Reads a list of `KeyValue`, each of which goes to `put`.
pub(super) fn attributes<'de, C: SignalSink, A: MapAccess<'de>>(
    scan: &mut C,
    map: &mut A,
    put: fn(&mut C, Item),
) -> Result<(), A::Error> {
    map.next_value_seed(List {
        scan,
        begin: |scan: &mut C| KeyValue::new(scan, 0, put),
    })
}

impl<C: SignalSink> Message<C> for ResourceRow {
    const NAME: &'static str = "Resource";

    fn field<'de, A: MapAccess<'de>>(
        &mut self,
        scan: &mut C,
        key: &str,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match key {
            "attributes" => attributes(scan, map, |scan, item| {
                scan.sink().common.resources.attributes.push(item);
            })?,
            "droppedAttributesCount" => self.dropped_attributes = scalar::integer(map)?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<C: SignalSink> Message<C> for ScopeRow {
    const NAME: &'static str = "InstrumentationScope";

    fn field<'de, A: MapAccess<'de>>(
        &mut self,
        scan: &mut C,
        key: &str,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match key {
            "name" => self.name = scalar::text(scan, map)?,
            "version" => self.version = scalar::text(scan, map)?,
            "attributes" => attributes(scan, map, |scan, item| {
                scan.sink().common.scopes.attributes.push(item);
            })?,
            "droppedAttributesCount" => self.dropped_attributes = scalar::integer(map)?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

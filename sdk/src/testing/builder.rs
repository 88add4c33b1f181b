//! What the builders of all three batches share.

use std::collections::BTreeMap;

use super::value::TestValue;
use crate::columns::{Attributes, Common, Resources, Scopes, Strings};

/// Number of rows as the columns count them. A test's batch is small; a larger one saturates and reads as cut.
pub(super) fn count(rows: usize) -> u32 {
    u32::try_from(rows).unwrap_or(u32::MAX)
}

/// Columns of attributes without rows.
pub(super) fn no_attributes() -> Attributes {
    Attributes {
        key: Vec::new(),
        kind: Vec::new(),
        data: Vec::new(),
    }
}

/// Collects texts, values, resources and scopes.
#[derive(Clone, Debug)]
pub(super) struct CommonBuilder {
    columns: Common,
    texts: BTreeMap<String, u32>,
}

impl CommonBuilder {
    pub(super) fn new() -> Self {
        let columns = Common {
            received_at: 0,
            segment: 1,
            first_row: 0,
            strings: Strings {
                ends: vec![0],
                utf8: Vec::new(),
            },
            bytes: Vec::new(),
            nested: no_attributes(),
            resources: Resources {
                attributes_end: Vec::new(),
                attributes: no_attributes(),
                dropped_attributes: Vec::new(),
                schema_url: Vec::new(),
            },
            scopes: Scopes {
                resource: Vec::new(),
                name: Vec::new(),
                version: Vec::new(),
                attributes_end: Vec::new(),
                attributes: no_attributes(),
                dropped_attributes: Vec::new(),
                schema_url: Vec::new(),
            },
        };
        Self {
            columns,
            texts: BTreeMap::from([(String::new(), 0)]),
        }
    }

    pub(super) fn text(&mut self, text: &str) -> u32 {
        if let Some(index) = self.texts.get(text) {
            return *index;
        }
        let strings = &mut self.columns.strings;
        let index = count(strings.ends.len());
        strings.utf8.extend_from_slice(text.as_bytes());
        strings.ends.push(count(strings.utf8.len()));
        self.texts.insert(text.into(), index);
        index
    }

    pub(super) fn value(&mut self, value: &TestValue) -> (u8, u64) {
        let range = |first: usize, rows: usize| u64::from(count(first)) | (u64::from(count(rows)) << 32);
        match value {
            TestValue::Empty => (0, 0),
            TestValue::Str(text) => (1, self.text(text).into()),
            TestValue::Bool(truth) => (2, u64::from(*truth)),
            TestValue::Int(number) => (3, number.cast_unsigned()),
            TestValue::Double(number) => (4, number.to_bits()),
            TestValue::Array(values) => {
                let rows: Vec<_> = values.iter().map(|value| (0, self.value(value))).collect();
                (5, self.nest(&rows))
            }
            TestValue::Map(entries) => {
                let rows: Vec<_> = entries
                    .iter()
                    .map(|(key, value)| (self.text(key), self.value(value)))
                    .collect();
                (6, self.nest(&rows))
            }
            TestValue::Bytes(bytes) => {
                let first = self.columns.bytes.len();
                self.columns.bytes.extend_from_slice(bytes);
                (7, range(first, bytes.len()))
            }
        }
    }

    fn nest(&mut self, rows: &[(u32, (u8, u64))]) -> u64 {
        let first = self.columns.nested.key.len();
        for (key, (kind, data)) in rows {
            self.columns.nested.key.push(*key);
            self.columns.nested.kind.push(*kind);
            self.columns.nested.data.push(*data);
        }
        u64::from(count(first)) | (u64::from(count(rows.len())) << 32)
    }

    /// Appends attributes to columns and gives their new end.
    pub(super) fn attributes(&mut self, to: &mut Attributes, attributes: &[(String, TestValue)]) -> u32 {
        for (key, value) in attributes {
            let (kind, data) = self.value(value);
            to.key.push(self.text(key));
            to.kind.push(kind);
            to.data.push(data);
        }
        count(to.key.len())
    }

    /// Begins a resource with one scope.
    pub(super) fn resource(&mut self, attributes: &[(&str, &str)]) {
        let attributes: Vec<_> = attributes
            .iter()
            .map(|(key, value)| ((*key).into(), (*value).into()))
            .collect();
        let mut columns = std::mem::replace(&mut self.columns.resources.attributes, no_attributes());
        let end = self.attributes(&mut columns, &attributes);
        let resources = &mut self.columns.resources;
        resources.attributes = columns;
        resources.attributes_end.push(end);
        resources.dropped_attributes.push(0);
        resources.schema_url.push(0);
        self.scope("");
    }

    /// Begins a scope of the last resource.
    pub(super) fn scope(&mut self, name: &str) {
        let name = self.text(name);
        let scopes = &mut self.columns.scopes;
        scopes
            .resource
            .push(count(self.columns.resources.attributes_end.len()).saturating_sub(1));
        scopes.name.push(name);
        scopes.version.push(0);
        scopes.attributes_end.push(0);
        scopes.dropped_attributes.push(0);
        scopes.schema_url.push(0);
    }

    /// The row of the last scope; begins a nameless resource where there is none.
    pub(super) fn last_scope(&mut self) -> u32 {
        if self.columns.scopes.resource.is_empty() {
            self.resource(&[]);
        }
        count(self.columns.scopes.resource.len()).saturating_sub(1)
    }

    pub(super) fn columns(&mut self) -> &mut Common {
        &mut self.columns
    }

    pub(super) fn build(self) -> Common {
        self.columns
    }
}

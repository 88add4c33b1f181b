//! Collecting the fields of a row within bounds.

use std::ops::Range;

use super::value::{self, cut};
use crate::columns::{Attributes, Common};

/// Most fields of a row. OTLP's SDKs keep 128 attributes by default; events, scope and resource want room, too.
pub const MAX_FIELDS: usize = 256;

/// Longest value of a field, in bytes: that of a signal's detail. A long stack trace fits.
pub const MAX_VALUE_BYTES: usize = 16 << 10;

/// Longest name of a field, in bytes.
const MAX_FIELD_NAME_BYTES: usize = 256;

/// The range of children of a row, from a column of cumulative ends; empty if there is no such row. Of columns that aren't
/// valid it may reach far behind what there is.
#[must_use]
pub fn children(ends: &[u32], row: usize) -> Range<usize> {
    let end = ends.get(row).map_or(0, |end| *end as usize);
    let start = row
        .checked_sub(1)
        .and_then(|before| ends.get(before))
        .map_or(0, |end| *end as usize);
    start..end
}

/// A column's item; 0 if it has none.
pub(super) fn at<T: Copy + Default>(column: &[T], row: usize) -> T {
    column.get(row).copied().unwrap_or_default()
}

/// The fields of a row.
pub(super) struct Fields<'a> {
    pub(super) common: &'a Common,
    pub(super) list: Vec<(String, String)>,
    pub(super) cut: u32,
}

impl<'a> Fields<'a> {
    pub(super) fn new(common: &'a Common) -> Self {
        Self {
            common,
            list: Vec::new(),
            cut: 0,
        }
    }

    /// Adds a field unless its value is empty.
    pub(super) fn push(&mut self, name: &str, value: &str) {
        if value.is_empty() {
        } else if self.list.len() < MAX_FIELDS {
            self.list
                .push((cut(name, MAX_FIELD_NAME_BYTES), cut(value, MAX_VALUE_BYTES)));
        } else {
            self.cut = self.cut.saturating_add(1);
        }
    }

    /// Adds a field whose value is a string of the table.
    pub(super) fn push_string(&mut self, name: &str, index: u32) {
        self.push(name, self.common.strings.get(index));
    }

    /// Adds a number of things, unless there are none.
    pub(super) fn push_count(&mut self, name: &str, count: u32) {
        if count != 0 {
            self.push(name, &count.to_string());
        }
    }

    /// Adds attributes.
    pub(super) fn push_attributes(&mut self, prefix: &str, attributes: &Attributes, range: Range<usize>) {
        for row in range {
            let (Some(key), Some(kind), Some(data)) = (
                attributes.key.get(row),
                attributes.kind.get(row),
                attributes.data.get(row),
            ) else {
                return;
            };
            if self.list.len() >= MAX_FIELDS {
                self.cut = self.cut.saturating_add(1);
                continue;
            }
            let name = format!("{prefix}{}", self.common.strings.get(*key));
            let value = value::render(self.common, *kind, *data, MAX_VALUE_BYTES);
            self.list.push((cut(&name, MAX_FIELD_NAME_BYTES), value));
        }
    }

    /// Adds scope and resource of a row of scopes.
    pub(super) fn push_origin(&mut self, scope: u32) {
        let (scopes, resources) = (&self.common.scopes, &self.common.resources);
        let scope = scope as usize;
        self.push_string("scope.name", at(&scopes.name, scope));
        self.push_string("scope.version", at(&scopes.version, scope));
        self.push_attributes(
            "scope.",
            &scopes.attributes,
            children(&scopes.attributes_end, scope),
        );
        let Some(resource) = scopes.resource.get(scope).map(|resource| *resource as usize) else {
            return;
        };
        self.push_attributes(
            "resource.",
            &resources.attributes,
            children(&resources.attributes_end, resource),
        );
    }

    /// `service.name` of a row of scopes; empty if it has none.
    pub(super) fn service(&self, scope: u32) -> String {
        resource_text(self.common, scope, "service.name")
    }
}

/// An attribute of the resource of a row of scopes, as text; empty if it has none.
pub(crate) fn resource_text(common: &Common, scope: u32, key: &str) -> String {
    let resources = &common.resources;
    let resource = common
        .scopes
        .resource
        .get(scope as usize)
        .map(|resource| *resource as usize);
    let row = resource
        .map_or(0..0, |resource| children(&resources.attributes_end, resource))
        // Bounded even if the ends are wrong.
        .take(resources.attributes.key.len())
        .find_map(|row| {
            let name = resources.attributes.key.get(row)?;
            (common.strings.get(*name) == key).then_some(row)
        });
    let attributes = &resources.attributes;
    row.map_or_else(String::new, |row| {
        value::render(
            common,
            at(&attributes.kind, row),
            at(&attributes.data, row),
            MAX_FIELD_NAME_BYTES,
        )
    })
}

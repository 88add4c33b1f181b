//! What every batch has: texts, resources, scopes; and how columns are read.

use std::ops::Range;

use super::key::AttributeKey;
use super::value::{Attributes, Value};
use crate::columns::{Common, Strings};

/// Row `index` of a column; 0 where there is none.
#[inline]
pub(super) fn at<T: Copy + Default>(column: &[T], index: u32) -> T {
    column.get(index as usize).copied().unwrap_or_default()
}

/// The range of children that row `index` owns, where `ends` is the cumulative column.
#[inline]
pub(super) fn range(ends: &[u32], index: u32) -> Range<u32> {
    let start = index.checked_sub(1).map_or(0, |before| at(ends, before));
    start..at(ends, index)
}

/// String `index`.
pub(super) fn text(strings: &Strings, index: u32) -> &str {
    std::str::from_utf8(text_bytes(strings, index)).unwrap_or_default()
}

/// The bytes of string `index`; cheaper than [`text`] where they are only compared.
#[inline]
pub(super) fn text_bytes(strings: &Strings, index: u32) -> &[u8] {
    let range = range(&strings.ends, index);
    strings
        .utf8
        .get(range.start as usize..range.end as usize)
        .unwrap_or_default()
}

/// Number of rows of a column; a batch has no more than `u32::MAX`.
pub(super) fn rows<T>(column: &[T]) -> u32 {
    u32::try_from(column.len()).unwrap_or(u32::MAX)
}

/// Who sent the telemetry.
#[derive(Clone, Copy, Debug)]
pub struct Resource<'a> {
    pub(super) common: &'a Common,
    pub(super) index: u32,
}

impl<'a> Resource<'a> {
    /// Its row among the resources of the batch; the same for all telemetry of one sender in the batch.
    #[must_use]
    pub fn index(self) -> u32 {
        self.index
    }

    /// All attributes.
    #[must_use]
    pub fn attributes(self) -> Attributes<'a> {
        let resources = &self.common.resources;
        Attributes::new(
            self.common,
            &resources.attributes,
            range(&resources.attributes_end, self.index),
        )
    }

    /// An attribute.
    #[must_use]
    pub fn attribute(self, key: impl AttributeKey) -> Option<Value<'a>> {
        self.attributes().get(key)
    }

    /// `service.name`; empty if it isn't set.
    #[must_use]
    pub fn service_name(self) -> &'a str {
        self.attributes().text("service.name")
    }

    /// `service.version`; empty if it isn't set.
    #[must_use]
    pub fn service_version(self) -> &'a str {
        self.attributes().text("service.version")
    }

    /// The schema URL; empty if it isn't set.
    #[must_use]
    pub fn schema_url(self) -> &'a str {
        text(
            &self.common.strings,
            at(&self.common.resources.schema_url, self.index),
        )
    }
}

/// The library that measured.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    pub(super) common: &'a Common,
    pub(super) index: u32,
}

impl<'a> Scope<'a> {
    /// Its row among the scopes of the batch.
    #[must_use]
    pub fn index(self) -> u32 {
        self.index
    }

    /// Name; empty if it isn't set.
    #[must_use]
    pub fn name(self) -> &'a str {
        text(&self.common.strings, at(&self.common.scopes.name, self.index))
    }

    /// Version; empty if it isn't set.
    #[must_use]
    pub fn version(self) -> &'a str {
        text(&self.common.strings, at(&self.common.scopes.version, self.index))
    }

    /// The schema URL; empty if it isn't set.
    #[must_use]
    pub fn schema_url(self) -> &'a str {
        text(
            &self.common.strings,
            at(&self.common.scopes.schema_url, self.index),
        )
    }

    /// All attributes.
    #[must_use]
    pub fn attributes(self) -> Attributes<'a> {
        let scopes = &self.common.scopes;
        Attributes::new(
            self.common,
            &scopes.attributes,
            range(&scopes.attributes_end, self.index),
        )
    }

    /// The resource it belongs to.
    #[must_use]
    pub fn resource(self) -> Resource<'a> {
        Resource {
            common: self.common,
            index: at(&self.common.scopes.resource, self.index),
        }
    }
}

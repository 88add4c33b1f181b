//! Every place of columns where a string's index or an attribute stands.

use crate::columns::{Attributes, Columns, value_kind};

/// Calls `change` for each index of a string, wherever it stands.
pub(super) fn for_each_index(columns: &mut Columns, change: &mut dyn FnMut(&mut u32)) {
    for_each_index_column(columns, &mut |column| column.iter_mut().for_each(&mut *change));
    for_each_value(columns, &mut |kind, data| {
        if *kind == value_kind::STRING
            && let Ok(mut index) = u32::try_from(*data)
        {
            change(&mut index);
            *data = u64::from(index);
        }
    });
}

/// Calls `change` for kind and data of each value: of attributes, nested ones and log bodies.
pub(super) fn for_each_value(columns: &mut Columns, change: &mut dyn FnMut(&mut u8, &mut u64)) {
    for_each_table(columns, &mut |table| {
        for (kind, data) in table.kind.iter_mut().zip(&mut table.data) {
            change(kind, data);
        }
    });
    if let Columns::Logs(columns) = columns {
        for (kind, data) in columns.logs.body_kind.iter_mut().zip(&mut columns.logs.body_data) {
            change(kind, data);
        }
    }
}

/// Calls `change` for each table of attributes, `nested` first.
pub(super) fn for_each_table(columns: &mut Columns, change: &mut dyn FnMut(&mut Attributes)) {
    let common = columns.common_mut();
    change(&mut common.nested);
    change(&mut common.resources.attributes);
    change(&mut common.scopes.attributes);
    match columns {
        Columns::Spans(columns) => {
            change(&mut columns.spans.attributes);
            change(&mut columns.events.attributes);
            change(&mut columns.links.attributes);
        }
        Columns::Logs(columns) => change(&mut columns.logs.attributes),
        Columns::Metrics(columns) => {
            change(&mut columns.metrics.metadata);
            change(&mut columns.points.attributes);
            change(&mut columns.exemplars.attributes);
        }
    }
}

/// Calls `change` for each column of string indexes, attributes' keys included.
fn for_each_index_column(columns: &mut Columns, change: &mut dyn FnMut(&mut [u32])) {
    for_each_table(columns, &mut |table| change(&mut table.key));
    let common = columns.common_mut();
    change(&mut common.resources.schema_url);
    change(&mut common.scopes.name);
    change(&mut common.scopes.version);
    change(&mut common.scopes.schema_url);
    match columns {
        Columns::Spans(columns) => {
            change(&mut columns.spans.trace_state);
            change(&mut columns.spans.name);
            change(&mut columns.spans.status_message);
            change(&mut columns.events.name);
            change(&mut columns.links.trace_state);
        }
        Columns::Logs(columns) => {
            change(&mut columns.logs.severity_text);
            change(&mut columns.logs.event_name);
        }
        Columns::Metrics(columns) => {
            change(&mut columns.metrics.name);
            change(&mut columns.metrics.description);
            change(&mut columns.metrics.unit);
        }
    }
}

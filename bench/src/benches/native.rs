//! Columns as the SDK has them, so that a detector can be run natively on what the scanner gives. Moves, no copies.

use aia_plugin_sdk::columns as sdk;

/// A batch of spans.
pub(super) fn span_batch(columns: aia_telemetry::SpanColumns, received_at: u64) -> sdk::SpanBatch {
    let aia_telemetry::SpanColumns {
        common,
        spans,
        events,
        links,
    } = columns;
    let aia_telemetry::Common {
        strings,
        bytes,
        nested,
        resources,
        scopes,
    } = common;
    sdk::SpanBatch {
        common: sdk::Common {
            received_at,
            segment: 1,
            first_row: 0,
            strings: strings.convert(),
            bytes,
            nested: nested.convert(),
            resources: resources.convert(),
            scopes: scopes.convert(),
        },
        spans: spans.convert(),
        events: events.convert(),
        links: links.convert(),
    }
}

/// `From` can't be implemented here: both types are foreign.
trait Convert {
    type Into;
    fn convert(self) -> Self::Into;
}

macro_rules! move_columns {
    ($($name:ident { $($field:ident),* $(; $($record:ident),*)? })*) => {
        $(impl Convert for aia_telemetry::$name {
            type Into = sdk::$name;
            fn convert(self) -> sdk::$name {
                let aia_telemetry::$name { $($field,)* $($($record,)*)? } = self;
                sdk::$name { $($field,)* $($($record: $record.convert(),)*)? }
            }
        })*
    };
}

move_columns! {
    Strings { ends, utf8 }
    Attributes { key, kind, data }
    Resources { attributes_end, dropped_attributes, schema_url; attributes }
    Scopes { resource, name, version, attributes_end, dropped_attributes, schema_url; attributes }
    Spans {
        scope, trace_id_high, trace_id_low, span_id, parent_span_id, trace_state, flags, name, kind, start_time,
        end_time, status_code, status_message, attributes_end, dropped_attributes, events_end, dropped_events,
        links_end, dropped_links; attributes
    }
    SpanEvents { time, name, attributes_end, dropped_attributes; attributes }
    SpanLinks {
        trace_id_high, trace_id_low, span_id, trace_state, flags, attributes_end, dropped_attributes; attributes
    }
}

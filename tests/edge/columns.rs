//! A batch as a plugin's glue takes it in JavaScript, in the notation of `calls.mjs`.
//!
//! Every column is named, so that a new one doesn't compile until it is handed over.

use aia_telemetry::{
    Attributes, Columns, Common, Exemplars, ExponentialHistograms, Histograms, LogColumns, Logs,
    MetricColumns, Metrics, Points, Resources, Scopes, SpanColumns, SpanEvents, SpanLinks, Spans, Strings,
    Summaries,
};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};

/// A batch: which method takes it, and what.
pub(crate) fn batch(columns: &Columns, received_at: u64, segment: u64) -> (&'static str, Value) {
    let (method, mut batch) = match columns {
        Columns::Spans(columns) => ("observeSpans", span_columns(columns)),
        Columns::Logs(columns) => ("observeLogs", log_columns(columns)),
        Columns::Metrics(columns) => ("observeMetrics", metric_columns(columns)),
    };
    let common = &mut batch["common"];
    common["receivedAt"] = json!({ "$int": received_at.to_string() });
    common["segment"] = json!({ "$int": segment.to_string() });
    common["firstRow"] = json!(0);
    (method, batch)
}

fn bytes(column: &[u8]) -> Value {
    json!({ "$u8": BASE64_STANDARD.encode(column) })
}

fn words(column: &[u32]) -> Value {
    let bytes: Vec<u8> = column.iter().flat_map(|word| word.to_le_bytes()).collect();
    json!({ "$u32": BASE64_STANDARD.encode(bytes) })
}

fn longs(column: &[u64]) -> Value {
    let bytes: Vec<u8> = column.iter().flat_map(|long| long.to_le_bytes()).collect();
    json!({ "$u64": BASE64_STANDARD.encode(bytes) })
}

/// A record: fields are called in JavaScript as in Rust, in its way of writing.
macro_rules! record {
    ($function:ident: $record:ident { $($field:ident => $of:ident,)* }) => {
        fn $function(columns: &$record) -> Value {
            let $record { $($field: _,)* } = columns;
            let mut record = Map::new();
            $(record.insert(camel_case(stringify!($field)), $of(&columns.$field));)*
            Value::Object(record)
        }
    };
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut name, word| {
        let (initial, rest) = word.split_at(word.len().min(1));
        name.push_str(&initial.to_uppercase());
        name.push_str(rest);
        name
    })
}

record! {
    strings: Strings {
        ends => words,
        utf8 => bytes,
    }
}

record! {
    attributes: Attributes {
        key => words,
        kind => bytes,
        data => longs,
    }
}

record! {
    common: Common {
        strings => strings,
        bytes => bytes,
        nested => attributes,
        resources => resources,
        scopes => scopes,
    }
}

record! {
    resources: Resources {
        attributes_end => words,
        attributes => attributes,
        dropped_attributes => words,
        schema_url => words,
    }
}

record! {
    scopes: Scopes {
        resource => words,
        name => words,
        version => words,
        attributes_end => words,
        attributes => attributes,
        dropped_attributes => words,
        schema_url => words,
    }
}

record! {
    span_columns: SpanColumns {
        common => common,
        spans => spans,
        events => span_events,
        links => span_links,
    }
}

record! {
    spans: Spans {
        scope => words,
        trace_id_high => longs,
        trace_id_low => longs,
        span_id => longs,
        parent_span_id => longs,
        trace_state => words,
        flags => words,
        name => words,
        kind => bytes,
        start_time => longs,
        end_time => longs,
        status_code => bytes,
        status_message => words,
        attributes_end => words,
        attributes => attributes,
        dropped_attributes => words,
        events_end => words,
        dropped_events => words,
        links_end => words,
        dropped_links => words,
    }
}

record! {
    span_events: SpanEvents {
        time => longs,
        name => words,
        attributes_end => words,
        attributes => attributes,
        dropped_attributes => words,
    }
}

record! {
    span_links: SpanLinks {
        trace_id_high => longs,
        trace_id_low => longs,
        span_id => longs,
        trace_state => words,
        flags => words,
        attributes_end => words,
        attributes => attributes,
        dropped_attributes => words,
    }
}

record! {
    log_columns: LogColumns {
        common => common,
        logs => logs,
    }
}
record! {
    logs: Logs {
        scope => words,
        time => longs,
        observed_time => longs,
        severity_number => bytes,
        severity_text => words,
        body_kind => bytes,
        body_data => longs,
        trace_id_high => longs,
        trace_id_low => longs,
        span_id => longs,
        flags => words,
        event_name => words,
        attributes_end => words,
        attributes => attributes,
        dropped_attributes => words,
    }
}

record! {
    metric_columns: MetricColumns {
        common => common,
        metrics => metrics,
        points => points,
        histograms => histograms,
        exponential_histograms => exponential_histograms,
        summaries => summaries,
        exemplars => exemplars,
    }
}

record! {
    metrics: Metrics {
        scope => words,
        name => words,
        description => words,
        unit => words,
        kind => bytes,
        temporality => bytes,
        monotonic => bytes,
        metadata_end => words,
        metadata => attributes,
        points_end => words,
    }
}

record! {
    points: Points {
        metric => words,
        start_time => longs,
        time => longs,
        flags => words,
        value_kind => bytes,
        value => longs,
        attributes_end => words,
        attributes => attributes,
        exemplars_end => words,
    }
}

record! {
    histograms: Histograms {
        count => longs,
        presence => bytes,
        sum => longs,
        min => longs,
        max => longs,
        bucket_counts_end => words,
        bucket_counts => longs,
        explicit_bounds_end => words,
        explicit_bounds => longs,
    }
}

record! {
    exponential_histograms: ExponentialHistograms {
        count => longs,
        presence => bytes,
        sum => longs,
        min => longs,
        max => longs,
        scale => words,
        zero_count => longs,
        zero_threshold => longs,
        positive_offset => words,
        positive_counts_end => words,
        positive_counts => longs,
        negative_offset => words,
        negative_counts_end => words,
        negative_counts => longs,
    }
}

record! {
    summaries: Summaries {
        count => longs,
        sum => longs,
        quantiles_end => words,
        quantile => longs,
        quantile_value => longs,
    }
}

record! {
    exemplars: Exemplars {
        time => longs,
        value_kind => bytes,
        value => longs,
        trace_id_high => longs,
        trace_id_low => longs,
        span_id => longs,
        attributes_end => words,
        attributes => attributes,
    }
}

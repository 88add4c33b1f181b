//! A metric point as a row.

use super::fields::{Fields, at, children};
use super::value::{first_line, render};
use super::{Row, RowKind};
use crate::columns::{MetricColumns, value_kind};

/// Most exemplars that are listed.
const MAX_EXEMPLARS: usize = 8;

pub(super) fn describe(columns: &MetricColumns, row: usize) -> Option<Row> {
    let (points, metrics) = (&columns.points, &columns.metrics);
    let metric = *points.metric.get(row)? as usize;
    let mut fields = Fields::new(&columns.common);
    let name = columns.common.strings.get(at(&metrics.name, metric));
    let unit = columns.common.strings.get(at(&metrics.unit, metric));
    fields.push("name", name);
    let value = push_value(&mut fields, columns, row);
    fields.push("unit", unit);
    fields.push(
        "kind",
        match at(&metrics.kind, metric) {
            1 => "gauge",
            2 => "sum",
            3 => "histogram",
            4 => "exponential histogram",
            5 => "summary",
            _ => "",
        },
    );
    fields.push(
        "temporality",
        match at(&metrics.temporality, metric) {
            1 => "delta",
            2 => "cumulative",
            _ => "",
        },
    );
    fields.push_string("description", at(&metrics.description, metric));
    fields.push_attributes("", &points.attributes, children(&points.attributes_end, row));
    let (trace, span_id) = push_exemplars(&mut fields, columns, row);
    let scope = at(&metrics.scope, metric);
    fields.push_origin(scope);
    Some(Row {
        kind: RowKind::Point,
        time: at(&points.time, row),
        service: fields.service(scope),
        trace,
        span_id,
        title: first_line(format!("{name} {value} {unit}").trim()),
        fields: fields.list,
        fields_cut: fields.cut,
    })
}

/// Adds the value; gives the text that a title shows of it.
fn push_value(fields: &mut Fields<'_>, columns: &MetricColumns, row: usize) -> String {
    let value = at(&columns.points.value, row);
    let table_row = usize::try_from(value).unwrap_or(usize::MAX);
    match at(&columns.points.value_kind, row) {
        kind @ (1 | 2) => {
            let text = number(fields, kind, value);
            fields.push("value", &text);
            text
        }
        3 => {
            let table = &columns.histograms;
            let count = at(&table.count, table_row);
            fields.push("count", &count.to_string());
            push_summary(
                fields,
                at(&table.presence, table_row),
                [&table.sum, &table.min, &table.max],
                table_row,
            );
            let bounds = children(&table.explicit_bounds_end, table_row);
            let bounds = table.explicit_bounds.get(bounds).unwrap_or_default();
            fields.push(
                "explicit_bounds",
                &list(bounds.iter().map(|bits| f64::from_bits(*bits))),
            );
            let counts = children(&table.bucket_counts_end, table_row);
            fields.push(
                "bucket_counts",
                &list(table.bucket_counts.get(counts).unwrap_or_default()),
            );
            format!("count={count}")
        }
        4 => {
            let table = &columns.exponential_histograms;
            let count = at(&table.count, table_row);
            fields.push("count", &count.to_string());
            push_summary(
                fields,
                at(&table.presence, table_row),
                [&table.sum, &table.min, &table.max],
                table_row,
            );
            fields.push("scale", &at(&table.scale, table_row).cast_signed().to_string());
            fields.push("zero_count", &at(&table.zero_count, table_row).to_string());
            let positive = children(&table.positive_counts_end, table_row);
            fields.push(
                "positive.offset",
                &at(&table.positive_offset, table_row).cast_signed().to_string(),
            );
            fields.push(
                "positive.counts",
                &list(table.positive_counts.get(positive).unwrap_or_default()),
            );
            let negative = children(&table.negative_counts_end, table_row);
            fields.push(
                "negative.offset",
                &at(&table.negative_offset, table_row).cast_signed().to_string(),
            );
            fields.push(
                "negative.counts",
                &list(table.negative_counts.get(negative).unwrap_or_default()),
            );
            format!("count={count}")
        }
        5 => {
            let table = &columns.summaries;
            let count = at(&table.count, table_row);
            fields.push("count", &count.to_string());
            fields.push("sum", &f64::from_bits(at(&table.sum, table_row)).to_string());
            for quantile in children(&table.quantiles_end, table_row) {
                let (Some(at), Some(value)) =
                    (table.quantile.get(quantile), table.quantile_value.get(quantile))
                else {
                    break;
                };
                let name = format!("quantile[{}]", f64::from_bits(*at));
                fields.push(&name, &f64::from_bits(*value).to_string());
            }
            format!("count={count}")
        }
        _ => String::new(),
    }
}

/// Adds sum, min and max where they are present.
fn push_summary(fields: &mut Fields<'_>, presence: u8, columns: [&Vec<u64>; 3], row: usize) {
    for (bit, (name, column)) in ["sum", "min", "max"].into_iter().zip(columns).enumerate() {
        if presence >> bit & 1 == 1 {
            fields.push(name, &f64::from_bits(at(column, row)).to_string());
        }
    }
}

/// Adds the first exemplars; gives trace and span of the first that has one.
fn push_exemplars(fields: &mut Fields<'_>, columns: &MetricColumns, row: usize) -> ((u64, u64), u64) {
    let exemplars = &columns.exemplars;
    let mut first = ((0, 0), 0);
    for (index, exemplar) in children(&columns.points.exemplars_end, row)
        .take(MAX_EXEMPLARS)
        .enumerate()
    {
        let Some(kind) = exemplars.value_kind.get(exemplar) else {
            break;
        };
        let text = number(fields, *kind, at(&exemplars.value, exemplar));
        fields.push(&format!("exemplars[{index}].value"), &text);
        let trace = (
            at(&exemplars.trace_id_high, exemplar),
            at(&exemplars.trace_id_low, exemplar),
        );
        if trace != (0, 0) {
            fields.push(
                &format!("exemplars[{index}].trace_id"),
                &format!("{:016x}{:016x}", trace.0, trace.1),
            );
            if first.0 == (0, 0) {
                first = (trace, at(&exemplars.span_id, exemplar));
            }
        }
        let attributes = children(&exemplars.attributes_end, exemplar);
        fields.push_attributes(&format!("exemplars[{index}]."), &exemplars.attributes, attributes);
    }
    first
}

/// The text of an integer (1) or a double (2).
fn number(fields: &Fields<'_>, kind: u8, value: u64) -> String {
    match kind {
        1 => render(fields.common, value_kind::INT, value, 32),
        2 => f64::from_bits(value).to_string(),
        _ => String::new(),
    }
}

fn list<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    items.join(" ")
}

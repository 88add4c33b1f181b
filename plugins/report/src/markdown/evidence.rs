//! The appendix.

use aia_plugin_sdk::reporter::Item;
use aia_plugin_sdk::{Time, TraceId};

use super::{Page, cell, cut};
use crate::escape::{fenced, inline};
use crate::limits::{BLOCK, FIELDS, INNER_BYTES, VALUE};
use crate::moments::readable;
use crate::words;

impl Page<'_> {
    pub(super) fn evidence(&mut self) {
        self.heading("Evidence");
        if self.report.evidence.is_empty() {
            self.line("None.");
        }
        let items = std::mem::take(&mut self.appendix.printed);
        self.out
            .push_str(&items.into_values().collect::<Vec<_>>().join("\n"));
        if self.appendix.left_out > 0 {
            self.line("");
            self.line(&format!(
                "… and {} more pieces of evidence.",
                self.appendix.left_out
            ));
        }
    }
}

/// An item. Readers derive the anchor `e1` from the heading `E1`.
pub(super) fn item(number: usize, item: &Item) -> String {
    let trace = TraceId {
        high: item.trace.high,
        low: item.trace.low,
    };
    let unless = |absent: bool, text: String| if absent { String::new() } else { text };
    let rows = [
        ("id", cell(&item.id)),
        ("kind", words::kind(item.kind).to_owned()),
        ("title", cell(&item.title)),
        (
            "time",
            unless(item.time == 0, Time::from_nanos(item.time).to_string()),
        ),
        ("service", cell(&item.service)),
        ("trace", unless(!trace.is_set(), trace.to_string())),
        (
            "span",
            unless(item.span_id == 0, format!("{:016x}", item.span_id)),
        ),
    ];
    let mut out = format!("### E{number}\n\n| | |\n|---|---|\n");
    for (name, value) in rows {
        if !value.is_empty() {
            out.push_str(&format!("| {name} | {value} |\n"));
        }
    }
    let fields = readable(item);
    let all = fields.len();
    let (blocks, fields): (Vec<_>, Vec<_>) = fields.into_iter().partition(|(_, value)| value.contains('\n'));
    let mut printed = 0;
    for (name, value) in fields.into_iter().take(FIELDS) {
        if out.len() > INNER_BYTES {
            break;
        }
        out.push_str(&format!("| {} | {} |\n", cell(name), inline(&cut(value, VALUE))));
        printed += 1;
    }
    for (name, value) in blocks.into_iter().take(FIELDS) {
        if out.len() > INNER_BYTES {
            break;
        }
        out.push_str(&format!("\n{}:\n\n{}", cell(name), fenced(&cut(value, BLOCK))));
        printed += 1;
    }
    if all > printed {
        out.push_str(&format!("\n… and {} more fields.\n", all - printed));
    }
    out
}

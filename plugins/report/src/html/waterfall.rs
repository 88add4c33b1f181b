//! The example trace: a table of spans, each with a bar for its time.

use maud::{Markup, html};

use super::text::{list, short};
use super::{Page, coordinate};
use crate::limits::{LIST_BYTES, SPANS};
use crate::number::{duration, moment};
use crate::trace::{Row, Waterfall, waterfall};

/// Colours that services take in turn.
const COLOURS: usize = 6;
/// Indentations there are classes for.
const INDENTS: usize = 12;

pub(super) fn section(page: &Page<'_>) -> Option<Markup> {
    let trace = waterfall(page.report)?;
    let rows = list(&trace.rows, SPANS, LIST_BYTES, |row| span(page, &trace, row));
    let drawn = trace.rows.len() - rows.more;
    let errors = trace.rows.iter().filter(|row| row.error).count();
    let length = trace.length as f64;
    Some(html! {
        p.quiet {
            "Trace " code { (format!("{:016x}{:016x}", page.report.exemplar.high, page.report.exemplar.low)) }
            ", from " (moment(trace.start)) " UTC, " (duration(length)) ": "
            (trace.total) @if trace.total == 1 { " span" } @else { " spans" }
            @if drawn < trace.total { ", " (drawn) " of them drawn (those that failed first, then by depth)" }
            ". " (errors) " of those shown failed, marked with ✕. A span stands below the one that called it."
        }
        div.scroll tabindex="0" role="region" aria-label="Spans of the example trace" {
            table.waterfall {
                thead {
                    tr {
                        th scope="col" { "Service and span" }
                        th.number scope="col" { "Duration" }
                        th scope="col" {
                            span.hidden { "When, from the start of the trace" }
                            span.ruler aria-hidden="true" {
                                @for quarter in 0..=4_u32 { span { (duration(length * f64::from(quarter) / 4.0)) } }
                            }
                        }
                    }
                }
                tbody { (rows.body) }
            }
        }
    })
}

fn span(page: &Page<'_>, trace: &Waterfall<'_>, row: &Row<'_>) -> Markup {
    let service = trace.services.get(row.service).copied().unwrap_or_default();
    let number = page
        .appendix
        .numbers
        .get(row.item.id.as_str())
        .copied()
        .unwrap_or(0);
    let length = (trace.length as f64).max(1.0);
    let (x, width) = (
        row.offset as f64 / length * 1_000.0,
        row.duration.unwrap_or(0) as f64 / length * 1_000.0,
    );
    // The shortest span is still seen, within the drawing.
    let width = width.clamp(4.0, 1_000.0);
    let x = x.clamp(0.0, 1_000.0 - width);
    let name = if row.name.trim().is_empty() {
        "(no name)"
    } else {
        row.name
    };
    html! {
        tr class=[row.error.then_some("failed")] {
            th scope="row" {
                div class={ "d" (row.depth.min(INDENTS)) } {
                    @if row.error { span.fail { "✕ error" } " " }
                    strong { (short(if service.trim().is_empty() { "(no service)" } else { service })) }
                    " " (short(name))
                    (page.link(number))
                    @if row.depth > INDENTS { span.quiet { " (depth " (row.depth) ")" } }
                    @if row.lost { span.quiet { " (its parent isn't here)" } }
                    @if row.cut > 0 { span.quiet { " (" (row.cut) " more below)" } }
                }
            }
            td.number { @match row.duration { Some(nanos) => (duration(nanos as f64)), None => "unknown" } }
            td.bar {
                span.hidden { "begins at " (duration(row.offset as f64)) }
                svg viewBox="0 0 1000 16" preserveAspectRatio="none" aria-hidden="true" {
                    path.grid d="M250 0V16M500 0V16M750 0V16" {}
                    rect class={ "bar s" (row.service % COLOURS) } x=(coordinate(x)) y="3" width=(coordinate(width)) height="10" {}
                }
            }
        }
    }
}

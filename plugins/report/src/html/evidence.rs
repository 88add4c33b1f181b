//! The appendix: every piece of evidence with its fields. Those that a sentence refers to come first and stand open.

use aia_plugin_sdk::TraceId;
use aia_plugin_sdk::reporter::{EvidenceKind, Item};
use maud::{Markup, html};

use super::text::{block, inner_list, short, value, web_address};
use super::{Page, time};
use crate::limits::FIELDS;
use crate::moments::readable;
use crate::number::moment;
use crate::words;

pub(super) fn section(page: &Page<'_>) -> Markup {
    let appendix = &page.appendix;
    let (open, folded): (Vec<_>, Vec<_>) = appendix
        .printed
        .iter()
        .partition(|(number, _)| appendix.referred.contains(number));
    html! {
        @if page.report.evidence.is_empty() { p { "None." } }
        @for (_, card) in open { (card) }
        @if !folded.is_empty() {
            details.rest {
                summary {
                    (folded.len())
                    @if folded.len() == 1 { " piece" } @else { " pieces" }
                    " of evidence that no sentence refers to"
                }
                @for (_, card) in folded { (card) }
            }
        }
        (super::more(appendix.left_out, "pieces of evidence"))
    }
}

/// A piece of evidence.
pub(super) fn card(number: usize, item: &Item) -> Markup {
    let trace = TraceId {
        high: item.trace.high,
        low: item.trace.low,
    };
    let fields = readable(item);
    let is_link = |name: &str| matches!(item.kind, EvidenceKind::Change) && name == "link";
    let (blocks, fields): (Vec<_>, Vec<_>) = fields.into_iter().partition(|(_, value)| value.contains('\n'));
    let rows = inner_list(fields, FIELDS, |(name, text)| {
        html! {
            tr {
                th scope="row" { (short(name)) }
                td {
                    @if let Some(address) = web_address(text).filter(|_| is_link(name)) {
                        a href=(address) rel="noopener noreferrer nofollow" { (value(text)) }
                    } @else { (value(text)) }
                }
            }
        }
    });
    let blocks = inner_list(blocks, FIELDS, |(name, text)| {
        html! { details { summary { (short(name)) } pre tabindex="0" { code { (block(text)) } } } }
    });
    html! {
        article.item id={ "ev-" (number) } {
            h3 {
                span.ref { "E" (number) } " "
                span.kind { (words::kind(item.kind)) } " "
                (short(&item.title))
            }
            p.quiet {
                @if item.time > 0 { (time(item.time, &moment(item.time))) " UTC · " }
                @if !item.service.trim().is_empty() { bdi { (short(&item.service)) } " · " }
                @if trace.is_set() { "trace " code { (trace.to_string()) } " · " }
                @if item.span_id != 0 { "span " code { (format!("{:016x}", item.span_id)) } " · " }
                "id " code { (short(&item.id)) }
            }
            @if !rows.body.0.is_empty() {
                table { (rows.body) }
            }
            (blocks.body)
            (super::more(rows.more + blocks.more, "fields"))
        }
    }
}

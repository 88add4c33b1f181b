//! What happened: the facts, then what analysts concluded.

use aia_plugin_sdk::reporter::{ReportedConclusion, Verdict};
use maud::{Markup, html};

use super::text::{block, inner_list, short};
use super::{Page, time};
use crate::limits::{LINES, STATEMENTS};
use crate::number::moment;
use crate::words;

pub(super) fn section(page: &Page<'_>) -> Markup {
    let (conclusions, older) = words::newest(page.report);
    html! {
        @if page.report.summary.is_empty() {
            p { "Nothing has been said of it yet." }
        }
        (page.statements(&page.report.summary, STATEMENTS))
        @if conclusions.is_empty() {
            p.quiet { "No analyst has concluded anything yet." }
        }
        @for conclusion in conclusions { (conclusion_of(page, conclusion)) }
        @if older > 0 { p.more { (words::older(older)) } }
    }
}

fn conclusion_of(page: &Page<'_>, conclusion: &ReportedConclusion) -> Markup {
    let class = match conclusion.verdict {
        Verdict::Cause => "verdict cause",
        Verdict::NoCodeCause => "verdict elsewhere",
        Verdict::NotEnoughEvidence => "verdict unknown",
    };
    let dropped = words::dropped(conclusion.dropped);
    html! {
        div class=(class) {
            h3 { (words::verdict(conclusion.verdict)) }
            p.quiet {
                (words::verdict_meaning(conclusion.verdict))
                " Concluded by " bdi { (short(&conclusion.analyst)) } ", "
                (time(conclusion.time, &moment(conclusion.time))) " UTC."
            }
            (page.statements(&conclusion.statements, STATEMENTS))
            @if !dropped.is_empty() { p.quiet { (dropped) } }
            @if !conclusion.diff.trim().is_empty() {
                details.diff {
                    summary { "A change that would mend it" }
                    pre tabindex="0" { code { (diff(&conclusion.diff)) } }
                }
            }
        }
    }
}

/// A diff, what is added and what is removed told apart by more than its sign.
fn diff(text: &str) -> Markup {
    let lines = inner_list(text.lines(), LINES, |line| {
        html! {
            @if line.starts_with('+') { ins { (block(line)) } }
            @else if line.starts_with('-') { del { (block(line)) } }
            @else { (block(line)) }
            "\n"
        }
    });
    html! { (lines.body) @if lines.more > 0 { "… and " (lines.more) " more lines" } }
}

//! What may be the cause, likeliest first.

use aia_plugin_sdk::reporter::{ReportedConclusion, ReportedSuspect};
use maud::{Markup, html};

use super::text::{list, short};
use super::{Page, more, place};
use crate::limits::{INNER_BYTES, REASONS, SUSPECTS};
use crate::number::percent;
use crate::words;

pub(super) fn section(page: &Page<'_>) -> Markup {
    let (conclusions, _) = words::newest(page.report);
    let with_suspects: Vec<_> = conclusions
        .into_iter()
        .filter(|conclusion| !conclusion.suspects.is_empty())
        .collect();
    html! {
        @if with_suspects.is_empty() { p { "Nothing is suspected." } }
        @for conclusion in &with_suspects {
            @if with_suspects.len() > 1 { h3 { "By " bdi { (short(&conclusion.analyst)) } } }
            p.quiet { (words::suspects_lead(conclusion.verdict)) }
            (suspects_of(page, conclusion))
        }
    }
}

fn suspects_of(page: &Page<'_>, conclusion: &ReportedConclusion) -> Markup {
    let listed = list(
        conclusion.suspects.iter().enumerate(),
        SUSPECTS,
        INNER_BYTES,
        |(position, suspect)| suspect_item(page, position + 1, suspect),
    );
    html! {
        ol.suspects { (listed.body) }
        (more(listed.more, "suspects"))
    }
}

fn suspect_item(page: &Page<'_>, rank: usize, suspect: &ReportedSuspect) -> Markup {
    let probability = percent(suspect.probability);
    let width = if suspect.probability.is_nan() {
        0.0
    } else {
        suspect.probability.clamp(0.0, 1.0) * 100.0
    };
    html! {
        li {
            div.suspect {
                span.rank aria-hidden="true" { (rank) }
                " "
                span.name {
                    (place(&words::suspect(suspect)))
                    @if !suspect.code.trim().is_empty() { " " code { (short(&suspect.code)) } }
                }
                " "
                span.probability { (probability) span.hidden { " probable" } }
            }
            svg.probability viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true" {
                rect.track width="100" height="6" {}
                rect.fill width=(super::coordinate(width)) height="6" {}
            }
            (page.statements(&suspect.reasons, REASONS))
        }
    }
}

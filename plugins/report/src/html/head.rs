//! What stands above and below everything.

use aia_plugin_sdk::reporter::Report;
use maud::{Markup, html};

use super::text::{inner_list, short};
use super::{place, time};
use crate::limits::AFFECTED;
use crate::number::{length, moment, range};
use crate::words;

/// The title, or what stands for it.
pub(super) fn title(report: &Report) -> &str {
    if report.title.trim().is_empty() {
        "Incident"
    } else {
        &report.title
    }
}

pub(super) fn header(report: &Report) -> Markup {
    let severity = words::severity(report.severity);
    let place_parts = words::place(&report.service, &report.operation, &report.release);
    let affected = inner_list(
        &report.affected,
        AFFECTED,
        |service| html! { li { bdi { (short(service)) } } },
    );
    let lasted = length(report.during);
    html! {
        header {
            p.badges {
                span class={ "badge severity " (severity) } { (severity) " severity" }
                " "
                span.badge { (words::state(report.state)) }
            }
            h1 { (short(title(report))) }
            @if !place_parts.is_empty() { p.place { (place(&place_parts)) } }
            dl.facts {
                div { dt { "Time" } dd { (range(report.during)) } }
                @if !lasted.is_empty() { div { dt { "First to last signal" } dd { (lasted) } } }
                @if !report.affected.is_empty() {
                    div {
                        dt { "Also affected" }
                        dd { ul.inline { (affected.body) @if affected.more > 0 { li { "and " (affected.more) " more" } } } }
                    }
                }
                div { dt { "Incident" } dd { code { (short(&report.incident)) } } }
            }
        }
    }
}

pub(super) fn footer(report: &Report, watermark: &str) -> Markup {
    html! {
        footer {
            p {
                "Written by AIA from the data as of "
                (time(report.as_of, &moment(report.as_of))) " UTC. All times are in UTC. "
                "What comes from telemetry is quoted as it was received; characters that hide are shown as their code."
            }
            @if !watermark.trim().is_empty() { p { strong { (short(watermark)) } } }
        }
        @if !watermark.trim().is_empty() { div.watermark aria-hidden="true" { (short(watermark)) } }
    }
}

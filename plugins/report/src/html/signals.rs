//! The signals: measures beside what they usually are, and facts. Signals that say the same again are one.

use std::collections::BTreeMap;

use aia_plugin_sdk::reporter::{ReportedSignal, TimeRange};
use aia_plugin_sdk::{Detail, Measure};
use maud::{Markup, html};

use super::text::{inner_list, list, short, value};
use super::{Page, more, place};
use crate::limits::{LIST_BYTES, MEASURES, SIGNALS};
use crate::number::{change, figure, range};
use crate::words;

/// Details that have a section of their own.
const ELSEWHERE: [&str; 2] = ["exception.stacktrace", "code.frames"];

/// Signals that differ in nothing but when they were given, and in their figures.
struct Group<'a> {
    latest: &'a ReportedSignal,
    signals: usize,
    count: u64,
    during: TimeRange,
    evidence: Vec<&'a str>,
}

pub(super) fn section(page: &Page<'_>) -> Markup {
    let groups = groups(&page.report.signals);
    let listed = list(&groups, SIGNALS, LIST_BYTES, |group| body(page, group));
    html! {
        @if groups.is_empty() { p { "None." } } @else {
            div.scroll tabindex="0" role="region" aria-label="Signals and their measures" {
                table.signals {
                    thead {
                        tr {
                            th scope="col" { "Measure" }
                            th.number scope="col" { "Now" }
                            th.number scope="col" { "Usually" }
                            th.number scope="col" { "Change" }
                        }
                    }
                    (listed.body)
                }
            }
            (more(listed.more, "different signals"))
        }
    }
}

fn groups(signals: &[ReportedSignal]) -> Vec<Group<'_>> {
    let mut positions = BTreeMap::new();
    let mut groups: Vec<Group<'_>> = Vec::new();
    for signal in signals {
        let key = (
            &signal.detector,
            &signal.kind,
            words::severity(signal.severity),
            &signal.title,
            &signal.service,
            &signal.operation,
            &signal.release,
        );
        let evidence = signal.evidence.iter().map(String::as_str);
        let position = *positions.entry(key).or_insert(groups.len());
        if let Some(group) = groups.get_mut(position) {
            group.latest = signal;
            group.signals += 1;
            group.count = group.count.saturating_add(signal.count);
            group.during.start = group.during.start.min(signal.during.start);
            group.during.end = group.during.end.max(signal.during.end);
            // As many as are linked, and one that says there are more.
            let room = (crate::limits::LINKS + 1).saturating_sub(group.evidence.len());
            group.evidence.extend(evidence.take(room));
        } else {
            groups.push(Group {
                latest: signal,
                signals: 1,
                count: signal.count,
                during: signal.during,
                evidence: evidence.collect(),
            });
        }
    }
    groups
}

fn body(page: &Page<'_>, group: &Group<'_>) -> Markup {
    let signal = group.latest;
    let measures = inner_list(&signal.measures, MEASURES, measure);
    let facts = signal
        .details
        .iter()
        .filter(|detail| !ELSEWHERE.contains(&detail.name.as_str()));
    let facts = inner_list(facts, MEASURES, fact);
    let severity = words::severity(signal.severity);
    let left_out = measures.more + facts.more;
    html! {
        tbody {
            tr.signal {
                th scope="rowgroup" colspan="4" {
                    span class={ "badge severity " (severity) } { (severity) } " "
                    span.name { (short(&signal.title)) }
                    p.quiet {
                        (place(&words::place(&signal.service, &signal.operation, &signal.release)))
                        br;
                        (range(group.during)) ", "
                        (group.count) @if group.count == 1 { " occurrence" } @else { " occurrences" }
                        @if group.signals > 1 { " in " (group.signals) " signals, the latest's figures" }
                        ". " bdi { (short(&signal.kind)) } " of " bdi { (short(&signal.detector)) } "."
                        (page.links(group.evidence.iter().copied()))
                    }
                }
            }
            (measures.body)
            (facts.body)
            @if left_out > 0 { tr { td colspan="4" { "… and " (left_out) " more" } } }
        }
    }
}

fn measure(measure: &Measure) -> Markup {
    let (now, usual) = (measure.value, measure.baseline);
    html! {
        tr {
            th scope="row" { (short(&measure.name)) }
            td.number { (short(&figure(now, &measure.unit))) }
            td.number { @match usual { Some(usual) => (short(&figure(usual, &measure.unit))), None => "–" } }
            td.number { @if let Some(usual) = usual { (change(now, usual)) } }
        }
    }
}

fn fact(detail: &Detail) -> Markup {
    html! {
        tr.fact {
            th scope="row" { (short(&detail.name)) }
            td.value colspan="3" { (value(&detail.value)) }
        }
    }
}

//! What happened to the incident, changes marked.

use maud::{Markup, html};

use super::text::{inner_list, list, sentence, short, web_address};
use super::{Page, time};
use crate::limits::{LIST_BYTES, TIMELINE};
use crate::moments::Moment;
use crate::number::{clock, date};

pub(super) fn section(page: &Page<'_>) -> Markup {
    let moments = &page.moments;
    // Of a long timeline the middle is left out: how it began and how it stands matter most.
    let half = TIMELINE / 2;
    let (first, last): (&[Moment<'_>], &[Moment<'_>]) = if moments.len() > TIMELINE {
        moments
            .split_at_checked(half)
            .map(|(first, rest)| (first, rest.split_at(rest.len() - half).1))
            .unwrap_or_default()
    } else {
        (moments, &[])
    };
    let skipped = moments.len() - first.len() - last.len();
    html! {
        @if moments.is_empty() { p { "Nothing has happened yet." } } @else {
            ol.timeline {
                (entries(page, first, None))
                @if skipped > 0 { li.more { "… " (skipped) " entries in between …" } }
                (entries(page, last, first.last()))
            }
        }
    }
}

fn entries<'a>(page: &Page<'_>, moments: &'a [Moment<'a>], before: Option<&'a Moment<'a>>) -> Markup {
    let mut day = before.map(|moment| date(moment.time)).unwrap_or_default();
    let listed = list(moments, TIMELINE, LIST_BYTES / 2, |moment| {
        let today = date(moment.time);
        let new_day = (today != day).then(|| today.clone());
        day = today;
        entry(page, moment, new_day)
    });
    html! {
        (listed.body)
        @if listed.more > 0 { li.more { "… and " (listed.more) " more entries" } }
    }
}

fn entry(page: &Page<'_>, moment: &Moment<'_>, new_day: Option<String>) -> Markup {
    let class = match (moment.change, moment.kind) {
        (Some(_), _) => "entry change",
        (None, "signal") => "entry signal",
        _ => "entry",
    };
    html! {
        li class=(class) {
            span.when {
                @if let Some(day) = new_day { span.day { (day) } " " }
                (time(moment.time, &clock(moment.time)))
            }
            span.what {
                span.kind {
                    @if let Some(number) = moment.change { "C" (number) " " }
                    (short(moment.kind))
                }
                " " (sentence(moment.text))
                @if let Some(address) = moment.link.and_then(web_address) {
                    " " a href=(address) rel="noopener noreferrer nofollow" { "details of the change" }
                }
                (page.links(moment.evidence.iter().copied()))
            }
        }
    }
}

/// Changes by number, for what is drawn over time.
pub(super) fn changes<'a>(page: &'a Page<'_>) -> impl Iterator<Item = (usize, u64, &'a str)> {
    page.moments
        .iter()
        .filter_map(|moment| Some((moment.change?, moment.time, moment.text)))
}

/// What the numbers of changes mean.
pub(super) fn legend(changes: &[(usize, u64, &str)], most: usize) -> Markup {
    let listed = inner_list(changes, most, |(number, at, text)| {
        html! { li { strong { "C" (number) } " " (time(*at, &clock(*at))) " " (short(text)) } }
    });
    html! {
        @if !changes.is_empty() {
            ul.changes aria-label="Changes marked in the charts" { (listed.body) }
            (super::more(listed.more, "changes"))
        }
    }
}

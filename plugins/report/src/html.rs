//! The whole report as one HTML file: no script, nothing fetched, readable on a phone, in the dark and on paper.

mod charts;
mod evidence;
mod head;
mod signals;
mod stacks;
mod story;
mod style;
mod suspects;
pub(crate) mod text;
mod timeline;
mod waterfall;

use aia_plugin_sdk::reporter::{Report, Statement};
use maud::{DOCTYPE, Markup, Render, html};

use crate::appendix::Appendix;
use crate::html::text::{inner_list, sentence, short};
use crate::limits::LINKS;
use crate::moments::{Moment, moments};
use crate::words;

/// Nothing but the one style sheet, known by its hash, and the empty icon that keeps browsers from asking for one.
const POLICY: &str = concat!(
    "default-src 'none'; style-src '",
    style::hash!(),
    "'; img-src data:; base-uri 'none'; form-action 'none'"
);

/// Renders a report.
pub(crate) fn render(report: &Report, watermark: &str) -> String {
    let moments = moments(report);
    // First of all, for nothing is linked that isn't printed.
    let appendix = Appendix::new(report, &moments, |number, item| {
        Card(evidence::card(number, item))
    });
    let page = Page {
        report,
        appendix,
        moments,
    };
    let mut sections = vec![
        ("what", "What happened", story::section(&page)),
        ("suspects", "Suspects", suspects::section(&page)),
        ("timeline", "Timeline", timeline::section(&page)),
    ];
    let optional = [
        ("charts", "Charts", charts::section(&page)),
        ("trace", "Example trace", waterfall::section(&page)),
        ("signals", "Signals", Some(signals::section(&page))),
        ("stack", "Stack trace", stacks::section(&page)),
    ];
    for (id, heading, body) in optional {
        sections.extend(body.map(|body| (id, heading, body)));
    }
    sections.push(("evidence", "Evidence", evidence::section(&page)));
    let title = format!("{}: {}", words::severity(report.severity), head::title(report));
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                meta name="robots" content="noindex, nofollow";
                title { (short(&title)) }
                link rel="icon" href="data:,";
                style { (style::SHEET) }
            }
            body {
                a.skip href="#main" { "Skip to the report" }
                (head::header(report))
                nav aria-label="Sections" {
                    ul {
                        @for (id, heading, _) in &sections {
                            li { a href={ "#" (id) } { (heading) } }
                        }
                    }
                }
                main #main {
                    @for (id, heading, body) in &sections {
                        section id=(id) aria-labelledby={ (id) "-heading" } {
                            h2 id={ (id) "-heading" } { (heading) }
                            (body)
                        }
                    }
                }
                (head::footer(report, watermark))
            }
        }
    }
    .into_string()
}

/// What every section needs.
struct Page<'a> {
    report: &'a Report,
    appendix: Appendix<'a, Card>,
    moments: Vec<Moment<'a>>,
}

/// A piece of evidence, rendered.
struct Card(Markup);

impl AsRef<str> for Card {
    fn as_ref(&self) -> &str {
        &self.0.0
    }
}

impl Render for Card {
    fn render_to(&self, out: &mut String) {
        self.0.render_to(out);
    }
}

impl Page<'_> {
    /// Links to evidence. What the report doesn't have isn't named, what isn't printed isn't linked.
    fn links(&self, evidence: impl IntoIterator<Item = impl AsRef<str>>) -> Markup {
        let links = inner_list(self.appendix.numbers_of(evidence), LINKS, |number| {
            self.link(number)
        });
        html! {
            @if !links.body.0.is_empty() {
                span.refs { (links.body) @if links.more > 0 { " and " (links.more) " more" } }
            }
        }
    }

    fn link(&self, number: usize) -> Markup {
        let item = number
            .checked_sub(1)
            .and_then(|position| self.report.evidence.get(position));
        let printed = self.appendix.printed.contains_key(&number);
        html! {
            " "
            @if let Some(item) = item.filter(|_| printed) {
                a.ref href={ "#ev-" (number) } title={ (words::kind(item.kind)) ": " (short(&item.title)) } { "E" (number) }
            } @else {
                span.ref { "E" (number) }
            }
        }
    }

    fn statements(&self, statements: &[Statement], most: usize) -> Markup {
        let listed = inner_list(statements, most, |statement| {
            html! {
                li { (sentence(&statement.text)) (self.links(&statement.evidence)) }
            }
        });
        html! {
            @if !statements.is_empty() {
                ul.statements { (listed.body) }
                (more(listed.more, "statements"))
            }
        }
    }
}

/// Says how many more there are, if any.
fn more(count: usize, what: &str) -> Markup {
    html! { @if count > 0 { p.more { "… and " (count) " more " (what) "." } } }
}

/// Parts of a place, one after the other.
fn place(parts: &[String]) -> Markup {
    html! {
        @for (position, part) in parts.iter().enumerate() {
            @if position > 0 { span.dot { " · " } }
            bdi { (short(part)) }
        }
    }
}

/// A moment for people and machines.
fn time(nanos: u64, shown: &str) -> Markup {
    html! {
        @if nanos == 0 { (shown) } @else { time datetime=(aia_plugin_sdk::Time::from_nanos(nanos).to_string()) { (shown) } }
    }
}

/// A coordinate of a drawing.
fn coordinate(value: f64) -> String {
    if value.is_finite() {
        format!("{value:.1}")
    } else {
        "0".to_owned()
    }
}

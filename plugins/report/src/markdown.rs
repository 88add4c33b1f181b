//! The whole report as Markdown.

mod causes;
mod evidence;
mod figures;
mod signals;

use std::fmt::Write as _;

use aia_plugin_sdk::Time;
use aia_plugin_sdk::reporter::{Report, Statement};

use crate::appendix::Appendix;
use crate::escape::inline;
use crate::limits::{AFFECTED, INNER_BYTES, LINKS, LIST_BYTES, SENTENCE, SHORT, STATEMENTS, TIMELINE};
use crate::moments::{Moment, moments};
use crate::number::length;
use crate::words;

/// Renders a report.
pub(crate) fn render(report: &Report, watermark: &str) -> String {
    let moments = moments(report);
    // First of all, for nothing is linked that isn't printed.
    let appendix = Appendix::new(report, &moments, evidence::item);
    let mut page = Page {
        out: String::new(),
        report,
        appendix,
    };
    page.head(watermark);
    page.summary();
    page.conclusions();
    page.suspects();
    page.timeline(&moments);
    page.charts();
    page.waterfall();
    page.signals();
    page.evidence();
    page.foot(watermark);
    page.out
}

struct Page<'a> {
    out: String,
    report: &'a Report,
    appendix: Appendix<'a, String>,
}

impl Page<'_> {
    fn line(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
    }

    fn heading(&mut self, text: &str) {
        self.line("");
        self.line(&format!("## {text}"));
        self.line("");
    }

    fn head(&mut self, watermark: &str) {
        let report = self.report;
        let title = cell(&report.title);
        self.line(&format!(
            "# {}",
            if title.is_empty() { "Incident" } else { &title }
        ));
        self.line("");
        let watermark = cell(watermark);
        if !watermark.is_empty() {
            self.line(&format!("*{watermark}*"));
            self.line("");
        }
        self.line("| | |");
        self.line("|---|---|");
        let mut affected: Vec<_> = report
            .affected
            .iter()
            .take(AFFECTED)
            .map(|service| cell(service))
            .collect();
        let more = report.affected.len().saturating_sub(AFFECTED);
        if more > 0 {
            affected.push(format!("and {more} more"));
        }
        let rows = [
            ("Incident", cell(&report.incident)),
            ("State", words::state(report.state).to_owned()),
            ("Severity", words::severity(report.severity).to_owned()),
            ("Service", cell(&report.service)),
            ("Operation", cell(&report.operation)),
            ("Release", cell(&report.release)),
            ("Also affected", affected.join(", ")),
            ("Time", span(report.during.start, report.during.end)),
            ("First to last signal", length(report.during)),
        ];
        for (name, value) in rows {
            if !value.is_empty() {
                self.line(&format!("| {name} | {value} |"));
            }
        }
    }

    fn summary(&mut self) {
        self.heading("Summary");
        if self.report.summary.is_empty() {
            self.line("Nothing has been said of it yet.");
        }
        self.statements("", &self.report.summary, STATEMENTS);
    }

    /// A list of sentences with their evidence, each line after `indent`.
    fn statements(&mut self, indent: &str, statements: &[Statement], most: usize) {
        let end = self.out.len() + INNER_BYTES;
        let mut printed = 0;
        for statement in statements.iter().take(most) {
            if self.out.len() > end {
                break;
            }
            let links = self.links(&statement.evidence);
            let text = item_text(&cut(&statement.text, SENTENCE));
            self.line(&format!("{indent}- {text}{links}"));
            printed += 1;
        }
        if statements.len() > printed {
            self.line(&format!("{indent}- … and {} more.", statements.len() - printed));
        }
    }

    fn timeline(&mut self, moments: &[Moment<'_>]) {
        self.heading("Timeline");
        if moments.is_empty() {
            self.line("Nothing has happened yet.");
            return;
        }
        self.line("| Time | Event | | Evidence |");
        self.line("|---|---|---|---|");
        let half = TIMELINE / 2;
        // Of a long timeline the middle is left out.
        let skipped = moments.len().saturating_sub(TIMELINE);
        let end = self.out.len() + LIST_BYTES;
        for (position, entry) in moments.iter().enumerate() {
            if skipped > 0 && position == half {
                self.line(&format!("| … | | {skipped} entries in between | |"));
            }
            if skipped > 0 && (half..half + skipped).contains(&position) {
                continue;
            }
            if self.out.len() > end {
                self.line(&format!(
                    "| … | | and {} more entries | |",
                    moments.len() - position
                ));
                break;
            }
            let links = self.links(entry.evidence.iter().copied());
            let (time, kind) = (Time::from_nanos(entry.time), cell(entry.kind));
            let text = inline(&cut(entry.text, SENTENCE));
            self.line(&format!("| {time} | {kind} | {text} | {} |", links.trim_start()));
        }
    }

    fn foot(&mut self, watermark: &str) {
        self.line("");
        self.line("---");
        self.line("");
        let mark = if watermark.is_empty() {
            String::new()
        } else {
            format!(" {}", cell(watermark))
        };
        let time = Time::from_nanos(self.report.as_of);
        self.line(&format!("AIA, as of {time}.{mark}"));
    }

    /// Links to evidence, each after a space; nothing is linked that isn't in the appendix.
    fn links(&self, evidence: impl IntoIterator<Item = impl AsRef<str>>) -> String {
        let mut links = String::new();
        let numbers = self.appendix.numbers_of(evidence).into_iter();
        let printed = numbers.filter(|number| self.appendix.printed.contains_key(number));
        for number in printed.take(LINKS) {
            // Writing to a string can't fail.
            let _ = write!(links, " [E{number}](#e{number})");
        }
        links
    }
}

/// From when to when.
fn span(start: u64, end: u64) -> String {
    format!("{} – {}", Time::from_nanos(start), Time::from_nanos(end))
}

/// A short text on one line.
fn cell(text: &str) -> String {
    inline(&cut(text, SHORT))
}

/// At most so many characters, and how many more there were.
fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((end, _)) => {
            let (kept, rest) = text.split_at(end);
            format!("{kept}… ({} more characters)", rest.chars().count())
        }
    }
}

/// Text at the start of a list item: never nothing, which would end the list.
fn item_text(text: &str) -> String {
    let text = inline(text);
    if text.is_empty() { "…".to_owned() } else { text }
}

//! The whole report as Markdown.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use aia_plugin_sdk::reporter::{EvidenceKind, Item, Report, ReportedSignal, State};
use aia_plugin_sdk::{Measure, Severity, Time, TraceId};

use crate::escape::{fenced, inline};

/// Details that fill lines of their own and so stand below the table.
const BLOCKS: [&str; 2] = ["exception.stacktrace", "code.frames"];

/// Renders a report.
pub(crate) fn render(report: &Report, watermark: &str) -> String {
    let mut page = Page {
        out: String::new(),
        anchors: anchors(report),
    };
    page.head(report, watermark);
    page.summary(report);
    page.signals(report);
    page.timeline(report);
    page.evidence(report);
    page.foot(report, watermark);
    page.out
}

/// Evidence ids and the numbers of their anchors, from 1 in the appendix's order.
fn anchors(report: &Report) -> BTreeMap<&str, usize> {
    let mut anchors = BTreeMap::new();
    for (position, item) in report.evidence.iter().enumerate() {
        anchors.entry(item.id.as_str()).or_insert(position + 1);
    }
    anchors
}

struct Page<'a> {
    out: String,
    anchors: BTreeMap<&'a str, usize>,
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

    fn head(&mut self, report: &Report, watermark: &str) {
        let title = inline(&report.title);
        self.line(&format!(
            "# {}",
            if title.is_empty() {
                "Incident".to_owned()
            } else {
                title
            }
        ));
        self.line("");
        if !watermark.is_empty() {
            self.line(&format!("*{}*", inline(watermark)));
            self.line("");
        }
        self.line("| | |");
        self.line("|---|---|");
        let affected: Vec<_> = report.affected.iter().map(|service| inline(service)).collect();
        let span = format!(
            "{} – {}",
            Time::from_nanos(report.during.start),
            Time::from_nanos(report.during.end)
        );
        let rows = [
            ("Incident", inline(&report.incident)),
            ("State", state(report.state).to_owned()),
            ("Severity", severity(report.severity).to_owned()),
            ("Service", inline(&report.service)),
            ("Operation", inline(&report.operation)),
            ("Release", inline(&report.release)),
            ("Also affected", affected.join(", ")),
            ("Time", span),
        ];
        for (name, value) in rows {
            if !value.is_empty() {
                self.line(&format!("| {name} | {value} |"));
            }
        }
    }

    fn summary(&mut self, report: &Report) {
        self.heading("Summary");
        if report.summary.is_empty() {
            self.line("Nothing has been said of it yet.");
        }
        for statement in &report.summary {
            let links = self.links(&statement.evidence);
            self.line(&format!("- {}{links}", item_text(&statement.text)));
        }
    }

    fn signals(&mut self, report: &Report) {
        self.heading("Signals");
        if report.signals.is_empty() {
            self.line("None.");
            return;
        }
        self.line("| # | Severity | Signal | Where | Time | Count | Figures | Evidence |");
        self.line("|--:|---|---|---|---|--:|---|---|");
        for (position, signal) in report.signals.iter().enumerate() {
            let place = [&signal.service, &signal.operation, &signal.release].map(|part| inline(part));
            let place: Vec<_> = place.into_iter().filter(|part| !part.is_empty()).collect();
            let figures: Vec<_> = signal.measures.iter().map(figure).collect();
            let row = [
                (position + 1).to_string(),
                severity(signal.severity).to_owned(),
                format!(
                    "{} ({}, {})",
                    inline(&signal.title),
                    inline(&signal.kind),
                    inline(&signal.detector)
                ),
                place.join(", "),
                format!(
                    "{} – {}",
                    Time::from_nanos(signal.during.start),
                    Time::from_nanos(signal.during.end)
                ),
                signal.count.to_string(),
                figures.join("; "),
                self.links(&signal.evidence).trim_start().to_owned(),
            ];
            self.line(&format!("| {} |", row.join(" | ")));
        }
        self.details(report);
    }

    /// The facts of the signals, each set once: the signals of an incident that goes on repeat them.
    fn details(&mut self, report: &Report) {
        let mut shown: Vec<&ReportedSignal> = Vec::new();
        for (position, signal) in report.signals.iter().enumerate() {
            if signal.details.is_empty() || shown.iter().any(|other| other.details == signal.details) {
                continue;
            }
            shown.push(signal);
            self.line("");
            self.line(&format!("### Signal {}", position + 1));
            self.line("");
            let (blocks, facts): (Vec<_>, Vec<_>) = signal
                .details
                .iter()
                .partition(|detail| BLOCKS.contains(&detail.name.as_str()));
            for detail in facts {
                self.line(&format!(
                    "- {}: {}",
                    item_text(&detail.name),
                    inline(&detail.value)
                ));
            }
            for detail in blocks {
                self.line("");
                self.line(&format!("{}:", inline(&detail.name)));
                self.line("");
                self.out.push_str(&fenced(&detail.value));
            }
        }
    }

    fn timeline(&mut self, report: &Report) {
        self.heading("Timeline");
        if report.timeline.is_empty() {
            self.line("Nothing has happened yet.");
            return;
        }
        self.line("| Time | Event | | Evidence |");
        self.line("|---|---|---|---|");
        for entry in &report.timeline {
            let links = self.links(&entry.evidence);
            let (time, kind) = (Time::from_nanos(entry.time), inline(&entry.kind));
            self.line(&format!(
                "| {time} | {kind} | {} | {} |",
                inline(&entry.text),
                links.trim_start()
            ));
        }
    }

    fn evidence(&mut self, report: &Report) {
        self.heading("Evidence");
        if report.evidence.is_empty() {
            self.line("None.");
        }
        for (position, item) in report.evidence.iter().enumerate() {
            self.item(position + 1, item);
        }
    }

    /// An item of the appendix. Readers derive the anchor `e1` from the heading `E1`.
    fn item(&mut self, number: usize, item: &Item) {
        if number > 1 {
            self.line("");
        }
        self.line(&format!("### E{number}"));
        self.line("");
        let trace = TraceId {
            high: item.trace.high,
            low: item.trace.low,
        };
        let rows = [
            ("id", inline(&item.id)),
            ("kind", kind(item.kind).to_owned()),
            ("title", inline(&item.title)),
            (
                "time",
                if item.time == 0 {
                    String::new()
                } else {
                    Time::from_nanos(item.time).to_string()
                },
            ),
            ("service", inline(&item.service)),
            (
                "trace",
                if trace.is_set() {
                    trace.to_string()
                } else {
                    String::new()
                },
            ),
            (
                "span",
                if item.span_id == 0 {
                    String::new()
                } else {
                    format!("{:016x}", item.span_id)
                },
            ),
        ];
        self.line("| | |");
        self.line("|---|---|");
        for (name, value) in rows {
            if !value.is_empty() {
                self.line(&format!("| {name} | {value} |"));
            }
        }
        let (blocks, fields): (Vec<_>, Vec<_>) =
            item.fields.iter().partition(|field| field.value.contains('\n'));
        for field in fields {
            self.line(&format!("| {} | {} |", inline(&field.name), inline(&field.value)));
        }
        for field in blocks {
            self.line("");
            self.line(&format!("{}:", inline(&field.name)));
            self.line("");
            self.out.push_str(&fenced(&field.value));
        }
    }

    fn foot(&mut self, report: &Report, watermark: &str) {
        self.line("");
        self.line("---");
        self.line("");
        let mark = if watermark.is_empty() {
            String::new()
        } else {
            format!(" {}", inline(watermark))
        };
        self.line(&format!("AIA, as of {}.{mark}", Time::from_nanos(report.as_of)));
    }

    /// Links to evidence, each after a space; nothing is linked that isn't in the appendix.
    fn links(&self, evidence: &[String]) -> String {
        let mut links = String::new();
        for number in evidence.iter().filter_map(|id| self.anchors.get(id.as_str())) {
            // Writing to a string can't fail.
            let _ = write!(links, " [E{number}](#e{number})");
        }
        links
    }
}

/// Text at the start of a list item: never nothing, which would end the list.
fn item_text(text: &str) -> String {
    let text = inline(text);
    if text.is_empty() { "…".to_owned() } else { text }
}

fn figure(measure: &Measure) -> String {
    let unit = inline(&measure.unit);
    let unit = if unit.is_empty() || unit == "1" {
        String::new()
    } else {
        format!(" {unit}")
    };
    let usual = measure
        .baseline
        .map(|baseline| format!(", usually {}", number(baseline)))
        .unwrap_or_default();
    format!("{} {}{unit}{usual}", inline(&measure.name), number(measure.value))
}

/// At most four digits behind the point, without zeros at the end.
fn number(value: f64) -> String {
    let text = format!("{value:.4}");
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        &text
    };
    inline(text)
}

fn state(state: State) -> &'static str {
    match state {
        State::Open => "open",
        State::Acknowledged => "acknowledged",
        State::Resolved => "resolved",
        State::Regressed => "regressed",
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}

fn kind(kind: EvidenceKind) -> &'static str {
    match kind {
        EvidenceKind::Span => "span",
        EvidenceKind::Log => "log",
        EvidenceKind::Point => "metric point",
        EvidenceKind::Signal => "signal",
        EvidenceKind::Change => "change",
        EvidenceKind::Code => "code",
        EvidenceKind::Operation => "operation",
        EvidenceKind::Series => "series",
    }
}

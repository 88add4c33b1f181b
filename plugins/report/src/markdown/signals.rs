//! The signals.

use aia_plugin_sdk::Measure;
use aia_plugin_sdk::reporter::ReportedSignal;

use super::{Page, cell, cut, item_text, span};
use crate::escape::{fenced, inline};
use crate::limits::{BLOCK, LIST_BYTES, MEASURES, SIGNALS, VALUE};
use crate::number::figure;
use crate::words;

/// Details that fill lines of their own and so stand below the table.
const BLOCKS: [&str; 2] = ["exception.stacktrace", "code.frames"];

impl Page<'_> {
    pub(super) fn signals(&mut self) {
        self.heading("Signals");
        let signals = &self.report.signals;
        if signals.is_empty() {
            self.line("None.");
            return;
        }
        self.line("| # | Severity | Signal | Where | Time | Count | Figures | Evidence |");
        self.line("|--:|---|---|---|---|--:|---|---|");
        let end = self.out.len() + LIST_BYTES;
        let mut printed = 0;
        for signal in signals.iter().take(SIGNALS) {
            if self.out.len() > end {
                break;
            }
            printed += 1;
            self.signal(printed, signal);
        }
        self.details();
        if signals.len() > printed {
            self.line("");
            self.line(&format!("… and {} more signals.", signals.len() - printed));
        }
    }

    fn signal(&mut self, number: usize, signal: &ReportedSignal) {
        let place = [&signal.service, &signal.operation, &signal.release].map(|part| cell(part));
        let place: Vec<_> = place.into_iter().filter(|part| !part.is_empty()).collect();
        let figures: Vec<_> = signal.measures.iter().take(MEASURES).map(measure).collect();
        let title = format!(
            "{} ({}, {})",
            cell(&signal.title),
            cell(&signal.kind),
            cell(&signal.detector)
        );
        let row = [
            number.to_string(),
            words::severity(signal.severity).to_owned(),
            title,
            place.join(", "),
            span(signal.during.start, signal.during.end),
            signal.count.to_string(),
            figures.join("; "),
            self.links(&signal.evidence).trim_start().to_owned(),
        ];
        self.line(&format!("| {} |", row.join(" | ")));
    }

    /// The facts of the signals, each set once: the signals of an incident that goes on repeat them.
    fn details(&mut self) {
        let end = self.out.len() + LIST_BYTES;
        let mut shown: Vec<&ReportedSignal> = Vec::new();
        for (position, signal) in self.report.signals.iter().take(SIGNALS).enumerate() {
            if signal.details.is_empty() || shown.iter().any(|other| other.details == signal.details) {
                continue;
            }
            shown.push(signal);
            self.line("");
            self.line(&format!("### Signal {}", position + 1));
            self.line("");
            let details = signal.details.iter().take(MEASURES);
            let (blocks, facts): (Vec<_>, Vec<_>) =
                details.partition(|detail| BLOCKS.contains(&detail.name.as_str()));
            for detail in facts {
                if self.out.len() > end {
                    self.line("");
                    self.line("… and more facts.");
                    return;
                }
                let value = inline(&cut(&detail.value, VALUE));
                self.line(&format!("- {}: {value}", item_text(&detail.name)));
            }
            for detail in blocks {
                if self.out.len() > end {
                    self.line("");
                    self.line("… and more facts.");
                    return;
                }
                self.line("");
                self.line(&format!("{}:", inline(&detail.name)));
                self.line("");
                self.out.push_str(&fenced(&cut(&detail.value, BLOCK)));
            }
        }
    }
}

fn measure(measure: &Measure) -> String {
    let usual = measure
        .baseline
        .map(|baseline| format!(", usually {}", figure(baseline, &measure.unit)))
        .unwrap_or_default();
    let text = format!("{}{usual}", figure(measure.value, &measure.unit));
    format!("{} {}", cell(&measure.name), cell(&text))
}

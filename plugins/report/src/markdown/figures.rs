//! Charts as a table of their figures, and the example trace as indented lines.

use super::{Page, cell};
use crate::chart::plot;
use crate::escape::fenced;
use crate::limits::CHARTS;
use crate::number::{duration, figure, moment};
use crate::trace::{Row, Waterfall, waterfall};

/// Spans that are printed; fewer than are drawn, because they take more room.
const ROWS: usize = 60;
/// Characters of a bar.
const BAR: usize = 32;
/// Characters of a span's name with its indentation.
const NAME: usize = 56;
/// Indentations.
const INDENTS: usize = 12;

impl Page<'_> {
    pub(super) fn charts(&mut self) {
        let report = self.report;
        let charts = report.charts.iter().take(CHARTS);
        let plots: Vec<_> = charts.filter_map(|chart| plot(chart, report.during)).collect();
        if plots.is_empty() {
            return;
        }
        self.heading("Charts");
        self.line("| Chart | Line | Before | During | Highest | At |");
        self.line("|---|---|--:|--:|--:|---|");
        for plot in plots {
            for line in &plot.lines {
                let shown = |value: Option<f64>| {
                    value.map_or_else(|| "–".to_owned(), |value| cell(&figure(value, plot.unit)))
                };
                let row = [
                    cell(plot.title),
                    cell(line.name),
                    shown(line.before),
                    shown(line.during),
                    shown(line.highest.map(|(value, _)| value)),
                    line.highest
                        .map(|(_, at)| format!("{} UTC", moment(at)))
                        .unwrap_or_default(),
                ];
                self.line(&format!("| {} |", row.join(" | ")));
            }
        }
        self.line("");
        self.line("Before and during the incident: the median. The HTML report draws the lines.");
    }

    pub(super) fn waterfall(&mut self) {
        let Some(trace) = waterfall(self.report) else {
            return;
        };
        self.heading("Example trace");
        let shown = trace.rows.len().min(ROWS);
        self.line(&format!(
            "Trace {:016x}{:016x}, from {} UTC, {}: {shown} of {} spans.",
            self.report.exemplar.high,
            self.report.exemplar.low,
            moment(trace.start),
            duration(trace.length as f64),
            trace.total
        ));
        self.line("");
        let lines: Vec<_> = trace
            .rows
            .iter()
            .take(ROWS)
            .map(|row| line(&trace, row))
            .collect();
        self.out.push_str(&fenced(&lines.join("\n")));
    }
}

fn line(trace: &Waterfall<'_>, row: &Row<'_>) -> String {
    let service = trace.services.get(row.service).copied().unwrap_or_default();
    let indent = "  ".repeat(row.depth.min(INDENTS));
    let name = format!("{indent}{service}: {}", row.name);
    let mut name: String = name
        .chars()
        .map(|letter| if letter.is_whitespace() { ' ' } else { letter })
        .take(NAME + 1)
        .collect();
    let width = name.chars().count();
    if width > NAME {
        name.pop();
        name.pop();
        name.push('…');
    }
    let pad = " ".repeat(NAME.saturating_sub(width));
    let mut words = vec![
        row.duration
            .map_or_else(|| "unknown".to_owned(), |nanos| duration(nanos as f64)),
    ];
    if row.error {
        words.push("ERROR".to_owned());
    }
    if row.lost {
        words.push("(its parent isn't here)".to_owned());
    }
    if row.cut > 0 {
        words.push(format!("({} more below)", row.cut));
    }
    format!("{name}{pad} |{}| {}", bar(trace, row), words.join(" "))
}

/// A bar of characters, at least one long.
fn bar(trace: &Waterfall<'_>, row: &Row<'_>) -> String {
    let length = u128::from(trace.length.max(1));
    let place = |nanos: u64| usize::try_from(u128::from(nanos) * BAR as u128 / length).unwrap_or(BAR);
    let from = place(row.offset).min(BAR - 1);
    let to = place(row.offset.saturating_add(row.duration.unwrap_or(0))).clamp(from + 1, BAR);
    format!(
        "{}{}{}",
        " ".repeat(from),
        "█".repeat(to - from),
        " ".repeat(BAR - to)
    )
}

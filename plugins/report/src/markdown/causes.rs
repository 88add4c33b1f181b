//! What analysts concluded, and whom they suspect.

use super::{Page, cell, cut};
use crate::escape::fenced;
use crate::limits::{BLOCK, INNER_BYTES, REASONS, STATEMENTS, SUSPECTS};
use crate::number::{moment, percent};
use crate::words;

impl Page<'_> {
    pub(super) fn conclusions(&mut self) {
        let (conclusions, older) = words::newest(self.report);
        if conclusions.is_empty() {
            return;
        }
        self.heading("Conclusions");
        for (position, conclusion) in conclusions.into_iter().enumerate() {
            if position > 0 {
                self.line("");
            }
            self.line(&format!("### {}", words::verdict(conclusion.verdict)));
            self.line("");
            self.line(&format!(
                "{} Concluded by {}, {} UTC.",
                words::verdict_meaning(conclusion.verdict),
                cell(&conclusion.analyst),
                moment(conclusion.time)
            ));
            if !conclusion.statements.is_empty() {
                self.line("");
                self.statements("", &conclusion.statements, STATEMENTS);
            }
            let dropped = words::dropped(conclusion.dropped);
            if !dropped.is_empty() {
                self.line("");
                self.line(&dropped);
            }
            if !conclusion.diff.trim().is_empty() {
                self.line("");
                self.line("A change that would mend it:");
                self.line("");
                self.out.push_str(&fenced(&cut(&conclusion.diff, BLOCK)));
            }
        }
        if older > 0 {
            self.line("");
            self.line(&words::older(older));
        }
    }

    pub(super) fn suspects(&mut self) {
        let (conclusions, _) = words::newest(self.report);
        let mut is_first = true;
        for conclusion in conclusions {
            if conclusion.suspects.is_empty() {
                continue;
            }
            if is_first {
                self.heading("Suspects");
            } else {
                self.line("");
            }
            is_first = false;
            let by = cell(&conclusion.analyst);
            self.line(&format!("{} By {by}.", words::suspects_lead(conclusion.verdict)));
            self.line("");
            let end = self.out.len() + INNER_BYTES;
            let mut printed = 0;
            for (position, suspect) in conclusion.suspects.iter().take(SUSPECTS).enumerate() {
                if self.out.len() > end {
                    break;
                }
                printed += 1;
                let mut parts: Vec<_> = words::suspect(suspect).iter().map(|part| cell(part)).collect();
                let code = cell(&suspect.code);
                if !code.is_empty() {
                    parts.push(code);
                }
                let (rank, probability) = (position + 1, percent(suspect.probability).replace('<', "&lt;"));
                self.line(&format!("{rank}. {probability}: {}", parts.join(", ")));
                self.statements("    ", &suspect.reasons, REASONS);
            }
            let more = conclusion.suspects.len() - printed;
            if more > 0 {
                self.line("");
                self.line(&format!("… and {more} more suspects."));
            }
        }
    }
}

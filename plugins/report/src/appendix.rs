//! Which evidence is printed, and its numbers.

use std::collections::{BTreeMap, BTreeSet};

use aia_plugin_sdk::reporter::{Item, Report};

use crate::limits::{EVIDENCE, EVIDENCE_BYTES};
use crate::moments::Moment;
use crate::words;

/// The appendix in some format.
pub(crate) struct Appendix<'a, T> {
    /// Evidence ids and their numbers, from 1 in the report's order.
    pub(crate) numbers: BTreeMap<&'a str, usize>,
    /// What a sentence, a signal or an entry of the timeline refers to.
    pub(crate) referred: BTreeSet<usize>,
    /// What is printed, by number.
    pub(crate) printed: BTreeMap<usize, T>,
    /// How many pieces of evidence aren't.
    pub(crate) left_out: usize,
}

impl<'a, T: AsRef<str>> Appendix<'a, T> {
    /// Renders the evidence: first what is referred to, then the rest, until there is enough of it.
    pub(crate) fn new(
        report: &'a Report,
        moments: &[Moment<'_>],
        mut render: impl FnMut(usize, &Item) -> T,
    ) -> Self {
        let mut numbers = BTreeMap::new();
        for (position, item) in report.evidence.iter().enumerate() {
            numbers.entry(item.id.as_str()).or_insert(position + 1);
        }
        let referred = referred(report, moments, &numbers);
        let rest = (1..=report.evidence.len()).filter(|number| !referred.contains(number));
        let mut printed = BTreeMap::new();
        let mut bytes = 0;
        for number in referred.iter().copied().chain(rest) {
            if printed.len() == EVIDENCE || bytes > EVIDENCE_BYTES {
                break;
            }
            if let Some(item) = report.evidence.get(number - 1) {
                let text = render(number, item);
                bytes += text.as_ref().len();
                printed.insert(number, text);
            }
        }
        let left_out = report.evidence.len() - printed.len();
        Self {
            numbers,
            referred,
            printed,
            left_out,
        }
    }

    /// Numbers of evidence that the report has, each once.
    pub(crate) fn numbers_of(&self, evidence: impl IntoIterator<Item = impl AsRef<str>>) -> Vec<usize> {
        let mut known = BTreeSet::new();
        evidence
            .into_iter()
            .filter_map(|id| self.numbers.get(id.as_ref()).copied())
            .filter(|number| known.insert(*number))
            .collect()
    }
}

fn referred(report: &Report, moments: &[Moment<'_>], numbers: &BTreeMap<&str, usize>) -> BTreeSet<usize> {
    let (conclusions, _) = words::newest(report);
    let said = conclusions.iter().flat_map(|conclusion| {
        let reasons = conclusion.suspects.iter().flat_map(|suspect| &suspect.reasons);
        conclusion.statements.iter().chain(reasons)
    });
    let said = report
        .summary
        .iter()
        .chain(said)
        .flat_map(|statement| &statement.evidence);
    let signals = report.signals.iter().flat_map(|signal| &signal.evidence);
    let moments = moments.iter().flat_map(|moment| moment.evidence.iter().copied());
    said.chain(signals)
        .map(String::as_str)
        .chain(moments)
        .filter_map(|id| numbers.get(id).copied())
        .collect()
}

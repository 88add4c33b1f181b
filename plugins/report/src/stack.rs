//! Stack traces of an incident, each once, and which of their lines are the application's own.

use aia_plugin_sdk::reporter::Report;

use crate::limits::STACKS;
use crate::moments::field;

const STACK: &str = "exception.stacktrace";
/// Names of the application's own frames, a line each, as the detector `errors` gives them.
const FRAMES: &str = "code.frames";

/// A stack trace.
pub(crate) struct Stack<'a> {
    /// Its text.
    pub(crate) text: &'a str,
    /// The exception's type; empty if unknown.
    pub(crate) kind: &'a str,
    /// Service it is of.
    pub(crate) service: &'a str,
    /// Ids of what shows it.
    pub(crate) evidence: Vec<&'a str>,
    /// The application's own frames; empty if unknown.
    frames: Vec<&'a str>,
}

impl Stack<'_> {
    /// Whether a line is a frame of the application's own.
    pub(crate) fn is_own(&self, line: &str) -> bool {
        self.frames.iter().any(|frame| line.contains(frame))
    }

    /// Whether it is known which lines are.
    pub(crate) fn knows_own(&self) -> bool {
        self.text.lines().any(|line| self.is_own(line))
    }
}

/// Different stack traces, those of signals first, and how many more there are.
pub(crate) fn stacks(report: &Report) -> (Vec<Stack<'_>>, usize) {
    let mut stacks: Vec<Stack<'_>> = Vec::new();
    let mut more = 0;
    let of_signals = report.signals.iter().filter_map(|signal| {
        let detail = |name: &str| {
            let found = signal.details.iter().find(|detail| detail.name == name);
            found.map(|detail| detail.value.as_str())
        };
        Some(Stack {
            text: detail(STACK)?,
            kind: detail("exception.type").unwrap_or_default(),
            service: &signal.service,
            evidence: signal.evidence.iter().map(String::as_str).collect(),
            frames: frames(detail(FRAMES).unwrap_or_default()),
        })
    });
    let of_evidence = report.evidence.iter().filter_map(|item| {
        Some(Stack {
            text: field(item, STACK)?,
            kind: field(item, "exception.type").unwrap_or_default(),
            service: &item.service,
            evidence: vec![&item.id],
            frames: Vec::new(),
        })
    });
    for stack in of_signals.chain(of_evidence) {
        if stack.text.trim().is_empty() || stacks.iter().any(|other| other.text == stack.text) {
            continue;
        }
        if stacks.len() == STACKS {
            more += 1;
        } else {
            stacks.push(stack);
        }
    }
    (stacks, more)
}

/// Names long enough not to be found everywhere.
fn frames(text: &str) -> Vec<&str> {
    text.lines()
        .map(str::trim)
        .filter(|frame| frame.len() > 3)
        .take(64)
        .collect()
}

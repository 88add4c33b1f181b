//! Whom detectors complain of. They weigh little: what they saw is weighed by itself.

use std::collections::BTreeSet;

use aia_plugin_sdk::analyst::{Case, Item, Sentence};

use crate::finding::{Finding, Findings, Kind};

/// Log-odds of a signal of a new kind.
const SIGNAL: f64 = 0.4;

/// Log-odds of being the service that the incident was laid at.
const CASE: f64 = 0.4;

/// Most log-odds of complaints.
const MAX_WEIGHT: f64 = 1.2;

/// Weighs the signals of the incident's time.
pub(crate) fn find(case: &Case, signals: &[Item]) -> Findings {
    let mut findings = Findings::new();
    let mut add = |service: &str, weight: f64| {
        if !service.is_empty() {
            let new = || Finding::new(Kind::Complaint, 0.0);
            let finding = findings.entry(service.to_owned()).or_insert_with(new);
            finding.weight = (finding.weight + weight).min(MAX_WEIGHT);
        }
    };
    let kinds: BTreeSet<(&str, &str)> = signals
        .iter()
        .map(|item| (item.service.as_str(), item.text("kind")))
        .collect();
    for (service, _) in kinds {
        add(service, SIGNAL);
    }
    add(&case.service, CASE);
    for signal in signals {
        let Some(finding) = findings.get_mut(&signal.service) else {
            continue;
        };
        if let Some(frames) = signal
            .field("detail.code.frames")
            .filter(|_| finding.code.is_empty())
        {
            let frame = frames.lines().next().unwrap_or_default();
            finding.code = with_line(frame, signal.text("detail.exception.stacktrace"));
        }
        if finding.claims.is_empty() {
            let sentence = Sentence::new()
                .text("A detector says: “")
                .figure(signal, "title")
                .text("”.");
            finding.claims.extend(sentence.claim());
        }
        if finding.operation.is_empty() {
            signal.text("operation").clone_into(&mut finding.operation);
        }
    }
    findings
}

/// The frame as `File.java:12` where the stack trace tells the line, else as it is.
fn with_line(frame: &str, stack: &str) -> String {
    if let Some(place) = below(frame, stack) {
        return place;
    }
    let line = stack
        .lines()
        .take(2_000)
        .find(|line| !frame.is_empty() && line.contains(frame));
    let place = line.and_then(|line| {
        let inner = line
            .rsplit_once('(')
            .map_or(line, |(_, inner)| inner)
            .trim_end_matches([')', ' ']);
        let (file, number) = inner.trim().rsplit_once(':')?;
        let is_place =
            file.contains('.') && !file.contains(' ') && number.bytes().all(|byte| byte.is_ascii_digit());
        is_place.then(|| format!("{file}:{number}"))
    });
    place.unwrap_or_else(|| frame.to_owned())
}

/// Where the place stands in a line of its own below the function, as in Rust: `at /shop/src/pay.rs:12:5`.
fn below(frame: &str, stack: &str) -> Option<String> {
    // A function without a path has its file before it: `ledger.rs:post`.
    let name = frame.split_once(".rs:").map_or(frame, |(_, name)| name);
    let is_it = |line: &str| {
        let numbered = line.trim().split_once(": ");
        numbered.is_some_and(|(number, function)| {
            function == name && number.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    let mut lines = stack.lines().take(2_000).skip_while(|line| !is_it(line));
    let place = lines.nth(1)?.trim().strip_prefix("at ")?;
    let (place, _column) = place.rsplit_once(':')?;
    let (path, line) = place.rsplit_once(':')?;
    let file = path.rsplit(['/', '\\']).next()?;
    let is_place = file.contains('.') && !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit());
    is_place.then(|| format!("{file}:{line}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_get_their_line() {
        let stack = "x.Declined: no\n\tat java.util.A.b(A.java:1)\n\tat com.shop.Pay.charge(Pay.java:12)";
        assert_eq!(with_line("com.shop.Pay.charge", stack), "Pay.java:12");
        assert_eq!(with_line("com.shop.Pay.refund", stack), "com.shop.Pay.refund");
        assert_eq!(with_line("", stack), "");
        let stack = "   0: post\n             at /shop/src/ledger.rs:72:13\n   1: take\n   2: poll\n at odd";
        assert_eq!(with_line("post", stack), "ledger.rs:72");
        assert_eq!(with_line("ledger.rs:post", stack), "ledger.rs:72");
        assert_eq!(with_line("take", stack), "take");
        assert_eq!(with_line("poll", stack), "poll");
    }
}

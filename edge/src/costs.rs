//! What detectors cost: where a runtime can't tell what a component does from what is composed with it does, the component
//! tells it.

use std::fmt::Write;
use std::time::Duration;

use crate::{PluginInfo, Report};

/// How often it is told, at most, in nanoseconds.
const TELL_EVERY: u64 = 30_000_000_000;

/// What a detector took.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    rows: usize,
    /// Time for these rows.
    observing: Duration,
    /// Time for everything else: opening, ticks and snapshots.
    besides: Duration,
}

/// What each detector took since it was last told. `now` is nanoseconds since the Unix epoch.
#[derive(Debug)]
pub struct Costs {
    costs: Vec<Cost>,
    told_at: u64,
}

impl Costs {
    /// Of so many detectors, from `now` on.
    #[must_use]
    pub fn new(detectors: usize, now: u64) -> Self {
        Self {
            costs: vec![Cost::default(); detectors],
            told_at: now,
        }
    }

    /// A detector took so long for so many rows.
    pub fn observed(&mut self, detector: usize, rows: usize, took: Duration) {
        if let Some(cost) = self.costs.get_mut(detector) {
            cost.rows = cost.rows.saturating_add(rows);
            cost.observing = cost.observing.saturating_add(took);
        }
    }

    /// A detector took so long for something else: opening, a tick, a snapshot.
    pub fn besides(&mut self, detector: usize, took: Duration) {
        if let Some(cost) = self.costs.get_mut(detector) {
            cost.besides = cost.besides.saturating_add(took);
        }
    }

    /// What there is to tell, if it is time to and they had rows: `detectors within 30 s: NAME ROWS rows 1.250 ms, besides
    /// 0.100 ms; …`.
    pub fn take_report(&mut self, detectors: &[PluginInfo], now: u64) -> Option<Report> {
        let passed = now.saturating_sub(self.told_at);
        if passed < TELL_EVERY || self.costs.iter().all(|cost| cost.rows == 0) {
            return None;
        }
        self.told_at = now;
        let mut text = format!("detectors within {} s:", passed / 1_000_000_000);
        let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
        for (number, (detector, cost)) in detectors.iter().zip(&mut self.costs).enumerate() {
            let cost = std::mem::take(cost);
            // Writing to a String can't fail.
            let _ = write!(
                text,
                "{} {} {} rows {:.3} ms, besides {:.3} ms",
                if number == 0 { "" } else { ";" },
                detector.name,
                cost.rows,
                milliseconds(cost.observing),
                milliseconds(cost.besides)
            );
        }
        Some(Report { level: "info", text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn what_detectors_took_is_told_once_and_not_too_often() {
        let detectors = ["errors", "latency"].map(|name| PluginInfo {
            digest: [0; 32],
            name: name.to_owned(),
            reads: Vec::new(),
            signals: Vec::new(),
        });
        let mut costs = Costs::new(2, 0);
        costs.besides(0, Duration::from_micros(5));
        assert_eq!(
            costs
                .take_report(&detectors, 40 * SECOND)
                .map(|report| report.text),
            None,
            "nobody had anything to do"
        );
        costs.observed(0, 512, Duration::from_micros(1250));
        costs.observed(0, 512, Duration::from_micros(750));
        costs.observed(7, 1, Duration::MAX);
        assert_eq!(
            costs
                .take_report(&detectors, 29 * SECOND)
                .map(|report| report.text),
            None,
            "too early"
        );
        assert_eq!(
            costs
                .take_report(&detectors, 41 * SECOND)
                .map(|report| report.text)
                .as_deref(),
            Some(
                "detectors within 41 s: errors 1024 rows 2.000 ms, besides 0.005 ms; \
                 latency 0 rows 0.000 ms, besides 0.000 ms"
            )
        );
        costs.observed(1, 1, Duration::MAX);
        assert!(costs.take_report(&detectors, 42 * SECOND).is_none(), "just told");
        let report = costs
            .take_report(&detectors, 71 * SECOND)
            .map(|report| report.text);
        assert!(report.is_some_and(|text| text.contains("errors 0 rows 0.000 ms")));
    }
}

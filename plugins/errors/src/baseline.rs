//! What is usual for a group of errors, and when it is left.
//!
//! Two ways lead to a baseline. What was there from the beginning of the session's life is learned in the warm-up, as
//! the mean over all of it. Everything else begins at zero and grows with a time constant of an hour, so that an
//! incident that goes on is news for about forty minutes, and background after that.

use serde::{Deserialize, Serialize};

use crate::window::Window;

/// Share of a tick in the moving average: 360 ticks are an hour.
const ALPHA: f64 = 1.0 / 360.0;

/// How far traffic may scale what is expected.
const MAX_SCALE: f64 = 10.0;

/// What is usual, per tick.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Baseline {
    errors: f64,
    requests: f64,
    is_known: bool,
    warm_up_errors: u64,
    warm_up_requests: u64,
    warm_up_ticks: u32,
}

impl Baseline {
    /// Learns a tick of the warm-up; `ticks` is how many there have been with this one, the group's own or not.
    pub(crate) fn learn_warm_up(
        &mut self,
        errors: u32,
        requests_in_window: u64,
        window: &Window,
        ticks: u32,
    ) {
        self.warm_up_errors += u64::from(errors);
        self.warm_up_requests += requests_in_window / window.ticks() as u64;
        self.warm_up_ticks = ticks;
    }

    /// Takes what the warm-up showed as usual.
    pub(crate) fn end_warm_up(&mut self) {
        if self.warm_up_ticks > 0 && !self.is_known {
            let ticks = f64::from(self.warm_up_ticks);
            self.errors = float(self.warm_up_errors) / ticks;
            self.requests = float(self.warm_up_requests) / ticks;
            self.is_known = true;
        }
    }

    /// Learns a tick.
    pub(crate) fn learn(&mut self, errors: u32, requests_in_window: u64, window: &Window) {
        let requests = float(requests_in_window) / float(window.ticks() as u64);
        self.errors += ALPHA * (f64::from(errors) - self.errors);
        // Traffic, unlike errors, was there before: it begins at what it is.
        if self.requests == 0.0 {
            self.requests = requests;
        }
        self.requests += ALPHA * (requests - self.requests);
        self.is_known = true;
    }

    /// Errors expected in a window with so many requests: twice the requests, twice the errors.
    fn expected(&self, requests_in_window: u64, window: &Window) -> f64 {
        let ticks = float(window.ticks() as u64);
        let usual = self.requests * ticks;
        let scale = if usual > 0.0 && requests_in_window > 0 {
            float(requests_in_window) / usual
        } else {
            1.0
        };
        self.errors * ticks * scale.clamp(1.0 / MAX_SCALE, MAX_SCALE)
    }

    /// Whether the window clearly leaves what is usual: by more than double and by more than four standard
    /// deviations of a count that is random.
    pub(crate) fn is_left(&self, errors: u64, requests_in_window: u64, window: &Window) -> bool {
        let expected = self.expected(requests_in_window, window);
        float(errors) > (2.0 * expected).max(expected + 4.0 * expected.sqrt())
    }

    /// Whether there is something usual yet.
    pub(crate) fn is_known(&self) -> bool {
        self.is_known
    }

    /// Usual errors per second, once there is something usual.
    pub(crate) fn rate(&self, tick_seconds: u64) -> Option<f64> {
        self.is_known.then(|| self.errors / float(tick_seconds))
    }

    /// Usual share of failing requests, once there is something usual.
    pub(crate) fn share(&self) -> Option<f64> {
        (self.is_known && self.requests > 0.0).then(|| (self.errors / self.requests).min(1.0))
    }
}

/// Counts as doubles; those that matter are far below 2^53.
#[expect(clippy::cast_precision_loss, reason = "a count above 2^53 may be rounded")]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warmed_up(errors: u32, requests: u64) -> Baseline {
        let (mut baseline, window) = (Baseline::default(), Window::new(6));
        for tick in 1..=12 {
            baseline.learn_warm_up(errors, requests * 6, &window, tick);
        }
        baseline.end_warm_up();
        baseline
    }

    #[test]
    fn steady_background_is_usual() {
        let (baseline, window) = (warmed_up(5, 100), Window::new(6));
        assert!(!baseline.is_left(30, 600, &window));
        assert!(!baseline.is_left(50, 600, &window));
        assert!(baseline.is_left(70, 600, &window));
        assert_eq!(baseline.rate(10), Some(0.5));
        assert_eq!(baseline.share(), Some(0.05));
    }

    #[test]
    fn more_traffic_may_fail_more() {
        let (baseline, window) = (warmed_up(5, 100), Window::new(6));
        assert!(!baseline.is_left(70, 1800, &window));
        assert!(baseline.is_left(30, 60, &window));
    }

    #[test]
    fn what_was_never_there_is_news_for_long_but_not_for_ever() {
        let (mut baseline, window) = (Baseline::default(), Window::new(6));
        assert!(baseline.is_left(1, 0, &window));
        let mut ticks = 0;
        while baseline.is_left(600, 6000, &window) {
            baseline.learn(100, 6000, &window);
            ticks += 1;
        }
        assert!((180..360).contains(&ticks), "{ticks}");
    }
}

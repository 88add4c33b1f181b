//! Telling of trouble: each failure counts, and is logged at once, then once a minute as long as it lasts.

use std::time::{Duration, Instant};

use super::error::PullError;
use super::metrics::PullMetrics;

/// How often trouble that lasts is logged.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// Trouble that is going on.
#[derive(Default)]
pub(super) struct Trouble {
    told: Option<(String, Instant)>,
}

impl Trouble {
    /// Something failed.
    pub(super) fn tell(&mut self, metrics: &PullMetrics, error: &PullError) {
        metrics.errors.inc();
        let error = crate::chain(error);
        let is_known = self
            .told
            .as_ref()
            .is_some_and(|(told, at)| *told == error && at.elapsed() < TELL_EVERY);
        if !is_known {
            tracing::warn!(error, "pulling from the bucket failed; trying again");
            self.told = Some((error, Instant::now()));
        }
    }

    /// Everything went well.
    pub(super) fn is_over(&mut self) {
        if self.told.take().is_some() {
            tracing::info!("pulling from the bucket works again");
        }
    }
}

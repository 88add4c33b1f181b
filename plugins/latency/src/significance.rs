//! How likely a difference is by chance.

/// Least probability by which a difference counts as chance.
///
/// The budget of false alarms: an operation is tested at most five times a tick (median and 95th percentile of its
/// durations and of its self times, and its failures). Were requests independent of one another, a hundred operations
/// would differ by this much less than once in five hours. But a window shares most of its requests with those of the
/// ticks before, the difference must also be large, and it must show in two ticks: that makes it weeks.
/// Requests aren't independent (pauses, bursts); the demands on size and duration are there for that.
pub(crate) const CHANCE: f64 = 1e-6;

#[cfg(test)]
mod tests {
    use aia_plugin_sdk::stats::chance;

    use super::*;

    #[test]
    fn few_requests_prove_nothing() {
        assert!(chance(3, 3, 5, 100) > CHANCE);
        assert!(chance(7, 10, 3, 50) > CHANCE);
        assert!(chance(10, 10, 3, 50) < CHANCE);
    }
}

//! What an operator can set about incidents.

use std::time::Duration;

/// The rules of the life cycle.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rules {
    /// Time without a signal after which an incident is resolved. Default 30 minutes.
    pub resolve_after: Duration,
    /// An incident that was resolved longer ago than this doesn't come back: a new one follows it. Default 30 days.
    pub regress_within: Duration,
    /// Services, the origin included, from which on an incident is a step worse than its signals. Default 5.
    pub wide_services: usize,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            resolve_after: Duration::from_secs(30 * 60),
            regress_within: Duration::from_secs(30 * 24 * 3600),
            wide_services: 5,
        }
    }
}

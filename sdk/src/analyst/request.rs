//! Making requests and conclusions.

use super::{Conclusion, Selector, Suspect, TimeRange, Verdict};

/// Most rows that a host gives for one request.
const MAX_ROWS: u32 = 1_000;

impl TimeRange {
    /// From `start` up to, not including, `end`; nanoseconds since the Unix epoch.
    #[must_use]
    pub fn new(start: u64, end: u64) -> Self {
        Self { start, end }
    }

    /// Its length in nanoseconds; 0 if it ends before it starts.
    #[must_use]
    pub fn nanos(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Whether it holds no moment.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nanos() == 0
    }

    /// Whether a moment lies in it.
    #[must_use]
    pub fn contains(&self, time: u64) -> bool {
        self.start <= time && time < self.end
    }
}

impl Selector {
    /// Everything in a time range, up to the most rows a host gives.
    #[must_use]
    pub fn any(during: TimeRange) -> Self {
        Self {
            service: String::new(),
            operation: String::new(),
            during,
            limit: MAX_ROWS,
        }
    }

    /// Only what a service did.
    #[must_use]
    pub fn service(mut self, service: &str) -> Self {
        service.clone_into(&mut self.service);
        self
    }

    /// Only an operation, or a metric by its name.
    #[must_use]
    pub fn operation(mut self, operation: &str) -> Self {
        operation.clone_into(&mut self.operation);
        self
    }

    /// At most so many rows.
    #[must_use]
    pub fn limit(mut self, limit: u32) -> Self {
        self.limit = limit;
        self
    }
}

impl Conclusion {
    /// A verdict without claims, suspects and diff.
    #[must_use]
    pub fn nothing(verdict: Verdict) -> Self {
        Self {
            verdict,
            claims: Vec::new(),
            suspects: Vec::new(),
            diff: String::new(),
        }
    }
}

impl Suspect {
    /// A service with a probability from 0 to 1; everything else is empty.
    #[must_use]
    pub fn of_service(service: &str, probability: f64) -> Self {
        Self {
            service: service.to_owned(),
            operation: String::new(),
            release: String::new(),
            code: String::new(),
            probability,
            claims: Vec::new(),
        }
    }
}

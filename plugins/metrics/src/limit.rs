//! Series that run into a limit.
//!
//! No unit is assumed: only what says by its unit or name that it has an end is looked at.

use aia_plugin_sdk::Metric;

use crate::series::Series;

/// How near the limit a value must be, as a share of the way from its other end.
const NEAR: f64 = 0.7;

/// How steady growth must be: of the usual change from value to value, the part that goes one way.
const STEADY: f64 = 0.3;

/// Values from which on a trend is believed.
const MIN_SEEN: u32 = 100;

/// What a series may run into.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Limit {
    /// Nothing is left of it.
    Nothing,
    /// A share is as large as can be.
    Most(f64),
}

impl Limit {
    /// What the series of a metric may run into, by its name and unit.
    pub(crate) fn of(metric: Metric<'_>) -> Option<Self> {
        if is_left(metric.name()) {
            return Some(Self::Nothing);
        }
        most(metric.name(), metric.unit()).map(Self::Most)
    }

    /// Seconds until a series reaches the limit if it goes on so; nothing where it doesn't move towards it.
    pub(crate) fn seconds_left(self, series: &Series, value: f64) -> Option<f64> {
        if series.seen() < MIN_SEEN {
            return None;
        }
        let growth = series.growth(STEADY)?;
        let interval = series.interval_seconds();
        match self {
            Self::Nothing => {
                // How much there is of it at best is known from what there was.
                let is_within = value > 0.0 && series.usual() > 0.0;
                let is_near = value <= (1.0 - NEAR) * series.highest();
                (growth < 0.0 && is_within && is_near).then(|| value / -growth * interval)
            }
            Self::Most(limit) => {
                let is_within = (0.0..limit).contains(&value) && (0.0..=limit).contains(&series.usual());
                (growth >= 0.0 && is_within && value >= NEAR * limit)
                    .then(|| (limit - value) / growth * interval)
            }
        }
    }
}

/// Whether a name says that it is what is left of something.
fn is_left(name: &str) -> bool {
    ["free", "available", "remaining"]
        .iter()
        .any(|word| name.contains(word))
}

/// The limit of a share.
fn most(name: &str, unit: &str) -> Option<f64> {
    match unit {
        "%" => Some(100.0),
        "1" if ["utilization", "usage", "used", "ratio", "saturation"]
            .iter()
            .any(|word| name.contains(word)) =>
        {
            Some(1.0)
        }
        _ => None,
    }
}

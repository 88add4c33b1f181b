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

/// Seconds until a series reaches its limit if it goes on so; nothing where it has none or doesn't move towards it.
pub(crate) fn seconds_left(series: &Series, metric: Metric<'_>, value: f64) -> Option<f64> {
    if series.seen() < MIN_SEEN {
        return None;
    }
    let growth = series.growth(STEADY)?;
    let interval = series.interval_seconds();
    if is_left(metric.name()) {
        // How much there is of it at best is known from what there was.
        let is_within = value > 0.0 && series.usual() > 0.0;
        let is_near = value <= (1.0 - NEAR) * series.highest();
        return (growth < 0.0 && is_within && is_near).then(|| value / -growth * interval);
    }
    let limit = limit(metric.name(), metric.unit())?;
    let is_within = (0.0..limit).contains(&value) && (0.0..=limit).contains(&series.usual());
    if growth < 0.0 || !is_within || value < NEAR * limit {
        return None;
    }
    Some((limit - value) / growth * interval)
}

/// Whether a name says that it is what is left of something.
fn is_left(name: &str) -> bool {
    ["free", "available", "remaining"]
        .iter()
        .any(|word| name.contains(word))
}

/// The limit of a share.
fn limit(name: &str, unit: &str) -> Option<f64> {
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

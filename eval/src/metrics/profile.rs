//! What finding, missing and false alarms are worth.

use serde::Serialize;

/// Weights of a way to look at alarms. They are the benchmark's own.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Profile {
    /// The benchmark's name for it.
    pub name: &'static str,
    /// Most that a window found is worth.
    pub found: f64,
    /// Most that a false alarm costs.
    pub false_alarm: f64,
    /// What a window missed costs.
    pub missed: f64,
}

/// The three profiles. The benchmark's fourth weight, of rows rightly left alone, plays no part in its sum.
pub const PROFILES: [Profile; 3] = [
    Profile {
        name: "standard",
        found: 1.0,
        false_alarm: 0.11,
        missed: 1.0,
    },
    Profile {
        name: "reward_low_FP_rate",
        found: 1.0,
        false_alarm: 0.22,
        missed: 1.0,
    },
    Profile {
        name: "reward_low_FN_rate",
        found: 1.0,
        false_alarm: 0.11,
        missed: 2.0,
    },
];

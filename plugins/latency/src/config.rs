//! What an operator may set.

use std::time::Duration;

use aia_plugin_sdk::OpenError;
use serde::Deserialize;

/// Seconds between two ticks; windows and holds are whole numbers of them.
pub(crate) const TICK_SECONDS: u64 = 10;

/// The configuration. Every key has a default; unknown keys are refused.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Requests within the window before an operation is judged. Default 10: fewer can't be told from chance.
    pub min_count: u32,
    /// How many times as long as usual the median or the 95th percentile must be, 1.1 to 100. Default 1.5.
    pub min_growth: f64,
    /// Milliseconds that it must have grown by, at most 60000. Default 10: less is felt by nobody.
    pub min_increase_ms: u32,
    /// Length of the window in seconds, a multiple of 20 from 20 to 600. Default 60.
    pub window_seconds: u64,
    /// Seconds of the time of receipt that the spans of a trace are held for, until all services have sent theirs,
    /// at most 60. Default 10: exporters send every 5 seconds by default.
    pub hold_seconds: u64,
    /// Seconds between two signals of an operation that stays slow, 10 to 3600. Default 30.
    pub update_seconds: u64,
    /// Seconds from the first request of an operation on in which what is usual is learned, 10 to 3600. Default 60.
    pub warm_up_seconds: u64,
    /// Seconds after which what stays unusual becomes usual, 60 to 86400. Default 1800.
    pub relearn_seconds: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            min_count: 10,
            min_growth: 1.5,
            min_increase_ms: 10,
            window_seconds: 60,
            hold_seconds: 10,
            update_seconds: 30,
            warm_up_seconds: 60,
            relearn_seconds: 1800,
        }
    }
}

/// The schema of [`Config`].
pub(crate) const SCHEMA: &str = r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "min-count": { "type": "integer", "minimum": 1, "default": 10, "description": "Requests within the window before an operation is judged" },
    "min-growth": { "type": "number", "minimum": 1.1, "maximum": 100, "default": 1.5, "description": "How many times as long as usual the median or the 95th percentile must be" },
    "min-increase-ms": { "type": "integer", "minimum": 0, "maximum": 60000, "default": 10, "description": "Milliseconds that it must have grown by" },
    "window-seconds": { "type": "integer", "minimum": 20, "maximum": 600, "multipleOf": 20, "default": 60, "description": "Length of the window" },
    "hold-seconds": { "type": "integer", "minimum": 0, "maximum": 60, "default": 10, "description": "How long the spans of a trace are held until all services have sent theirs" },
    "update-seconds": { "type": "integer", "minimum": 10, "maximum": 3600, "default": 30, "description": "Time between two signals of an operation that stays slow" },
    "warm-up-seconds": { "type": "integer", "minimum": 10, "maximum": 3600, "default": 60, "description": "Time from the first request of an operation on in which what is usual is learned" },
    "relearn-seconds": { "type": "integer", "minimum": 60, "maximum": 86400, "default": 1800, "description": "Time after which what stays unusual becomes usual" }
  }
}"#;

impl Config {
    /// Ticks in half a window: windows move by halves.
    pub(crate) fn half_ticks(&self) -> u64 {
        (self.window_seconds / TICK_SECONDS / 2).max(1)
    }

    /// How long traces are held.
    pub(crate) fn hold(&self) -> Duration {
        Duration::from_secs(self.hold_seconds)
    }

    /// Microseconds that it must have grown by.
    pub(crate) fn min_increase_micros(&self) -> u32 {
        self.min_increase_ms.saturating_mul(1000)
    }

    /// Refuses what is out of range.
    pub(crate) fn check(&self) -> Result<(), OpenError> {
        let ranges = [
            ("min-count", u64::from(self.min_count), 1, u64::from(u32::MAX)),
            ("min-increase-ms", u64::from(self.min_increase_ms), 0, 60_000),
            ("window-seconds", self.window_seconds, 2 * TICK_SECONDS, 600),
            ("hold-seconds", self.hold_seconds, 0, 60),
            ("update-seconds", self.update_seconds, TICK_SECONDS, 3600),
            ("warm-up-seconds", self.warm_up_seconds, TICK_SECONDS, 3600),
            ("relearn-seconds", self.relearn_seconds, 60, 86_400),
        ];
        for (key, value, least, most) in ranges {
            if !(least..=most).contains(&value) {
                return Err(OpenError::Config(format!(
                    "`{key}` is {value}, it must be from {least} to {most}"
                )));
            }
        }
        let growth = self.min_growth;
        if !(1.1..=100.0).contains(&growth) {
            return Err(OpenError::Config(format!(
                "`min-growth` is {growth}, it must be from 1.1 to 100"
            )));
        }
        if !self.window_seconds.is_multiple_of(2 * TICK_SECONDS) {
            let window = self.window_seconds;
            return Err(OpenError::Config(format!(
                "`window-seconds` is {window}, it must be a multiple of 20"
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(config: &Config) -> String {
        config.check().unwrap_err().to_string()
    }

    #[test]
    fn ranges_are_checked() {
        Config::default().check().unwrap();
        let config = Config {
            hold_seconds: 61,
            ..Config::default()
        };
        assert_eq!(
            refusal(&config),
            "configuration refused: `hold-seconds` is 61, it must be from 0 to 60"
        );
        let config = Config {
            window_seconds: 30,
            ..Config::default()
        };
        assert_eq!(
            refusal(&config),
            "configuration refused: `window-seconds` is 30, it must be a multiple of 20"
        );
        let config = Config {
            min_growth: f64::NAN,
            ..Config::default()
        };
        assert_eq!(
            refusal(&config),
            "configuration refused: `min-growth` is NaN, it must be from 1.1 to 100"
        );
    }
}

//! What an operator may set.

use aia_plugin_sdk::OpenError;
use serde::Deserialize;

/// Seconds between two ticks; windows and holds are whole numbers of them.
pub(crate) const TICK_SECONDS: u64 = 10;

/// The configuration. Every key has a default; unknown keys are refused.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Occurrences within the window before a group of errors is signalled. Default 3: one failed request is no
    /// incident, and a person who retries makes two.
    pub min_count: u32,
    /// Length of that window in seconds, a multiple of 10 from 10 to 600. Default 60.
    pub window_seconds: u64,
    /// Seconds of the time of receipt that the errors of a trace are held for, until all services have sent theirs,
    /// at most 60. Default 10: exporters send every 5 seconds by default.
    pub hold_seconds: u64,
    /// Seconds between two signals of a group that goes on, 10 to 3600. Default 30.
    pub update_seconds: u64,
    /// Seconds at the beginning of a session's life in which errors that were always there are learned, at most
    /// 3600. Default 120.
    pub warm_up_seconds: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            min_count: 3,
            window_seconds: 60,
            hold_seconds: 10,
            update_seconds: 30,
            warm_up_seconds: 120,
        }
    }
}

/// The schema of [`Config`].
pub(crate) const SCHEMA: &str = r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "min-count": { "type": "integer", "minimum": 1, "default": 3, "description": "Occurrences within the window before a group of errors is signalled" },
    "window-seconds": { "type": "integer", "minimum": 10, "maximum": 600, "multipleOf": 10, "default": 60, "description": "Length of the window" },
    "hold-seconds": { "type": "integer", "minimum": 0, "maximum": 60, "default": 10, "description": "How long the errors of a trace are held until all services have sent theirs" },
    "update-seconds": { "type": "integer", "minimum": 10, "maximum": 3600, "default": 30, "description": "Time between two signals of a group that goes on" },
    "warm-up-seconds": { "type": "integer", "minimum": 0, "maximum": 3600, "default": 120, "description": "Time in which errors that were always there are learned" }
  }
}"#;

impl Config {
    /// Ticks in a window.
    pub(crate) fn window_ticks(&self) -> usize {
        usize::try_from(self.window_seconds / TICK_SECONDS)
            .unwrap_or(1)
            .max(1)
    }

    /// Refuses what is out of range.
    pub(crate) fn check(&self) -> Result<(), OpenError> {
        let ranges = [
            ("min-count", u64::from(self.min_count), 1, u64::from(u32::MAX)),
            ("window-seconds", self.window_seconds, TICK_SECONDS, 600),
            ("hold-seconds", self.hold_seconds, 0, 60),
            ("update-seconds", self.update_seconds, TICK_SECONDS, 3600),
            ("warm-up-seconds", self.warm_up_seconds, 0, 3600),
        ];
        for (key, value, least, most) in ranges {
            if !(least..=most).contains(&value) {
                return Err(OpenError::Config(format!(
                    "`{key}` is {value}, it must be from {least} to {most}"
                )));
            }
        }
        if !self.window_seconds.is_multiple_of(TICK_SECONDS) {
            let window = self.window_seconds;
            return Err(OpenError::Config(format!(
                "`window-seconds` is {window}, it must be a multiple of 10"
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_checked() {
        Config::default().check().unwrap();
        let error = Config {
            hold_seconds: 61,
            ..Config::default()
        }
        .check()
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "configuration refused: `hold-seconds` is 61, it must be from 0 to 60"
        );
        let error = Config {
            window_seconds: 15,
            ..Config::default()
        }
        .check()
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "configuration refused: `window-seconds` is 15, it must be a multiple of 10"
        );
    }
}

//! What an operator may set.

use std::time::Duration;

use aia_plugin_sdk::OpenError;
use serde::Deserialize;

/// The configuration. Every key has a default; unknown keys are refused.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Paths that end early within the window before that is told of. Default 5: fewer can't be told from chance.
    pub min_count: u32,
    /// Seconds of the time of receipt that a span is held for, until its log records have come, at most 40. Default 20:
    /// logs and spans are exported apart, every 5 seconds by default, and collectors batch again.
    pub hold_seconds: u64,
    /// Seconds between two signals of a place that stays so, 10 to 3600. Default 30.
    pub update_seconds: u64,
    /// Seconds after which what stays unusual becomes usual, 60 to 86400. Default 1800.
    pub relearn_seconds: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            min_count: 5,
            hold_seconds: 20,
            update_seconds: 30,
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
    "min-count": { "type": "integer", "minimum": 1, "default": 5, "description": "Paths that end early within the window before that is told of" },
    "hold-seconds": { "type": "integer", "minimum": 0, "maximum": 40, "default": 20, "description": "How long a span is held until its log records have come" },
    "update-seconds": { "type": "integer", "minimum": 10, "maximum": 3600, "default": 30, "description": "Time between two signals of a place that stays so" },
    "relearn-seconds": { "type": "integer", "minimum": 60, "maximum": 86400, "default": 1800, "description": "Time after which what stays unusual becomes usual" }
  }
}"#;

impl Config {
    /// How long spans are held.
    pub(crate) fn hold(&self) -> Duration {
        Duration::from_secs(self.hold_seconds)
    }

    /// Refuses what is out of range.
    pub(crate) fn check(&self) -> Result<(), OpenError> {
        let ranges = [
            ("min-count", u64::from(self.min_count), 1, u64::from(u32::MAX)),
            ("hold-seconds", self.hold_seconds, 0, 40),
            ("update-seconds", self.update_seconds, 10, 3600),
            ("relearn-seconds", self.relearn_seconds, 60, 86_400),
        ];
        for (key, value, least, most) in ranges {
            if !(least..=most).contains(&value) {
                return Err(OpenError::Config(format!(
                    "`{key}` is {value}, it must be from {least} to {most}"
                )));
            }
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
        let config = Config {
            hold_seconds: 41,
            ..Config::default()
        };
        assert_eq!(
            config.check().unwrap_err().to_string(),
            "configuration refused: `hold-seconds` is 41, it must be from 0 to 40"
        );
    }
}
